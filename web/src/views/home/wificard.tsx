// The network's name, and the code that phones join by.
import { lazy, Suspense } from "preact/compat";
import { may } from "@/api/session";
import { useAnswer } from "@/api/use";
import { href } from "@/router";
import { s } from "@/strings/strings";
import { Blank, Card, Pill, Trouble } from "@/ui/parts";
import { networkState } from "@/views/wifi/data";

const ShowCode = lazy(() => import("@/views/wifi/code").then(({ ShowCode: View }) => ({ default: View })));

export function WifiCard() {
  const networks = useAnswer("wifi.networks.list", {}, ["wifi.*"], 60_000);
  return (
    <Card
      title={s.home.wifi.title}
      side={
        <a href={href("wifi")} class="button quiet">
          {s.home.wifi.all}
        </a>
      }
    >
      {!networks.data && (networks.error ? <Trouble error={networks.error} retry={networks.reload} /> : <Blank lines={2} />)}
      {networks.data?.items.length === 0 && <p class="soft">{s.home.wifi.none}</p>}
      {networks.data?.items.map((network) => (
        <div key={network.id} class="home-network">
          <p class="home-ssid">{network.ssid}</p>
          <Pill state={networkState(network)}>{s.home.wifi.states[network.state]}</Pill>
          {may("wifi.networks.qr") && network.state === "on_air" && (
            <Suspense fallback={<Blank lines={1} />}>
              <ShowCode network={network} word={s.home.wifi.code} first={network.role === "home"} />
            </Suspense>
          )}
        </div>
      ))}
    </Card>
  );
}
