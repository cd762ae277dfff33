// Wi-Fi: the networks and what is done with them; who is on; the air around; what was changed.
import { useEffect, useRef, useState } from "preact/hooks";
import { useAnswer } from "@/api/use";
import { may } from "@/api/session";
import { place } from "@/router";
import { s } from "@/strings/strings";
import { Blank, Trouble } from "@/ui/parts";
import { Places } from "@/ui/places";
import { Air } from "@/views/wifi/air";
import { OpenChanges } from "@/views/wifi/change-card";
import { GuestCard } from "@/views/wifi/guest";
import { History } from "@/views/wifi/history";
import { NetworkPage } from "@/views/wifi/network-page";
import { NetworkCard } from "@/views/wifi/networks";
import { Stations } from "@/views/wifi/stations";
import "@/views/wifi/wifi.css";

const t = s.wifi;
const SECTIONS = ["networks", "devices", "air", "changes"] as const;

export default function Wifi() {
  const [pace, setPace] = useState(2000);
  const networks = useAnswer("wifi.networks.list", {}, ["wifi.changed", "household.changed"], pace);
  // No event tells that a radio came up or went down: what is not well is looked at more often.
  const well = networks.data?.items.every((each) => each.state === "on_air" || each.state === "off") ?? false;
  useEffect(() => setPace(well ? 10_000 : 2000), [well]);
  const stations = useAnswer("wifi.stations.list", {}, ["wifi.station_joined", "wifi.station_left"], 5000);
  const [section = "networks", id] = place.value.rest;
  const items = [...(networks.data?.items ?? [])].sort((one, other) => rank(one.role) - rank(other.role));
  const network = section === "network" ? items.find((each) => each.id === id) : undefined;
  const here = section === "network" ? "networks" : section;
  // The shell does this for views; these are places within one.
  const heading = useRef<HTMLHeadingElement>(null);
  const first = useRef(true);
  useEffect(() => {
    if (!first.current) {
      scrollTo(0, 0);
      if (id) heading.current?.focus({ preventScroll: true });
    }
    first.current = false;
  }, [section, id]);
  const simulated = items.some((each) => each.simulated);
  return (
    <>
      <div class="wifi-head">
        <h1 tabIndex={-1} ref={heading}>
          {network?.ssid ?? t.title}
        </h1>
        <Places
          label={t.sections.nav}
          items={SECTIONS.map((each) => ({ word: t.sections[each], to: each === "networks" ? ["wifi"] : ["wifi", each], here: each === here }))}
        />
        {simulated && <p class="soft small">{t.simulated}</p>}
      </div>
      <Trouble error={networks.error} retry={networks.reload} />
      {networks.loading && <Blank lines={5} />}
      {networks.data && <OpenChanges networks={items} ends={here === "networks"} />}
      {networks.data && here === "networks" && !network && (
        <div class="wifi-columns">
          {items.map((each) => (
            <NetworkCard key={each.id} network={each} stations={stations.data?.items ?? null} reload={networks.reload} />
          ))}
          {may("wifi.networks.create") && !items.some((each) => each.role === "guest") && (
            <GuestCard home={items.find((each) => each.role === "home")?.ssid ?? ""} reload={networks.reload} />
          )}
        </div>
      )}
      {network && <NetworkPage key={network.id} network={network} />}
      {here === "devices" && <Stations stations={stations} networks={items} />}
      {here === "air" && <Air />}
      {here === "changes" && <History networks={items} />}
    </>
  );
}

const rank = (role: string) => ["home", "guest", "iot"].indexOf(role);
