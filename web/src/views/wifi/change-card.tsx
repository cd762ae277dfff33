// A change on its way: what it waits for, how long, and the two ways out. It outlives the connection that it changes.
import { useEffect, useRef, useState } from "preact/hooks";
import { call, Refusal, Unreachable } from "@/api/call";
import { link } from "@/api/live";
import { may } from "@/api/session";
import { useAct, useAnswer } from "@/api/use";
import { s, say } from "@/strings/strings";
import { duration } from "@/ui/format";
import { Button, Card, Pill, Trouble } from "@/ui/parts";
import { type Change, changeState, clock, ended, follow, followed, type Network, until } from "@/views/wifi/data";
import { ShowCode } from "@/views/wifi/code";

const t = s.wifi.change;

/** All that is under way, and, with `ends`, the end of the one that this window made, until it is put away. */
export function OpenChanges({ networks, ends }: { networks: readonly Network[]; ends: boolean }) {
  // Events tell of changes; while one is under way they may have no way to us, so we ask as well.
  const [under, setUnder] = useState(true);
  const changes = useAnswer("wifi.changes.list", { limit: 20 }, ["wifi.changed"], under ? 3000 : undefined);
  const name = useNames(networks);
  // The stream may not notice for a while that the network under it is gone; a question that fails does.
  const away = link.value !== "up" || changes.error instanceof Unreachable;
  const shown = (changes.data?.items ?? []).filter((change) => !ended(change) || (ends && change.id === followed.value));
  const open = changes.data === null || shown.some((change) => !ended(change));
  useEffect(() => setUnder(open), [open]);
  return (
    <>
      {shown.map((change) => (
        <ChangeCard key={change.id} change={change} name={name(change)} networks={networks} away={away} reload={changes.reload} />
      ))}
    </>
  );
}

/** What a change is of: a network's name, or the radio's band. */
export function useNames(networks: readonly Network[]): (change: Change) => string {
  const radios = useAnswer("wifi.radios.list", {});
  return (change) => {
    const radio = radios.data?.items.find((each) => each.id === change.radio);
    if (radio) return say(s.wifi.radio.name, { band: radio.band });
    return networks.find((each) => each.id === change.network)?.ssid ?? (change.radio || change.network);
  };
}

interface CardProps {
  change: Change;
  name: string;
  networks: readonly Network[];
  /** The box cannot be reached just now. */
  away: boolean;
  reload: () => void;
}

function ChangeCard({ change, name, networks, away, reload }: CardProps) {
  const own = useRef<HTMLDivElement>(null);
  const network = networks.find((each) => each.id === change.network);
  useEffect(() => {
    if (change.id !== followed.value) return;
    own.current?.scrollIntoView({ block: "nearest" });
    own.current?.focus({ preventScroll: true }); // whoever asked for it hears of it next
  }, [change.id]);
  return (
    <div ref={own} class="wifi-change" tabIndex={-1}>
      <Card title={say(t.title, { name })} {...(ended(change) && { side: <Pill state={changeState(change)}>{t.states[change.state]}</Pill> })}>
        {!ended(change) && <Steps change={change} />}
        {change.state === "proving" && change.deadline && change.confirm !== "none" ? (
          <Waiting change={change} network={network} away={away} reload={reload} />
        ) : (
          <Told change={change} reload={reload} />
        )}
      </Card>
    </div>
  );
}

const WAY = ["pending", "applying", "proving", "applied"] as const;

function Steps({ change }: { change: Change }) {
  const at = WAY.indexOf(change.state as (typeof WAY)[number]);
  return (
    <ol class="wifi-way" aria-label={t.way}>
      {WAY.map((state, index) => (
        <li key={state} class={index < at ? "done" : index === at ? "now" : ""} aria-current={index === at ? "step" : undefined}>
          <span>{t.states[state]}</span>
        </li>
      ))}
    </ol>
  );
}

function useLeft(deadline: string): number {
  const [left, set] = useState(() => until(deadline));
  useEffect(() => {
    const tick = () => set(until(deadline));
    tick();
    const timer = setInterval(tick, 250);
    return () => clearInterval(timer);
  }, [deadline]);
  return left;
}

function Waiting({ change, network, away, reload }: Omit<CardProps, "networks" | "name"> & { network: Network | undefined }) {
  const left = useLeft(change.deadline ?? "");
  const most = useRef(left);
  most.current = Math.max(most.current, left);
  const keep = useAct(async () => {
    await call("wifi.changes.confirm", { change: change.id });
    reload();
  });
  const station = change.confirm === "station";
  return (
    <>
      <div class="wifi-waiting">
        <Ring left={left} share={most.current ? left / most.current : 0} />
        <p class="wifi-lead" aria-live="polite">
          {away ? t.away : station ? t.waitStation : t.here}
        </p>
        <p class="soft">{!away ? t.backUnless : network ? say(t.join, { name: network.ssid }) : t.joinRadio}</p>
        {network && !away && may("wifi.networks.qr") && <ShowCode network={network} word={t.code} />}
      </div>
      <Trouble error={keep.error} />
      {may("wifi.changes.confirm") && (
        <div class="row wifi-deeds">
          <Button kind="first" icon="check" busy={keep.busy} disabled={away} onClick={() => keep.run()}>
            {t.keep}
          </Button>
          <Back change={change} word={t.putBack} reload={reload} />
        </div>
      )}
    </>
  );
}

function Ring({ left, share }: { left: number; share: number }) {
  const length = 2 * Math.PI * 42;
  return (
    <div class="wifi-ring" role="timer" aria-label={t.left}>
      <svg viewBox="0 0 96 96" aria-hidden="true">
        <circle cx="48" cy="48" r="42" class="all" />
        <circle cx="48" cy="48" r="42" class="left" stroke-dasharray={length} stroke-dashoffset={length * (1 - share)} />
      </svg>
      <strong>{clock(left)}</strong>
    </div>
  );
}

/** Going back to what was before; what is dangerous in that is asked once more. */
export function Back({ change, word, reload }: { change: Change; word: string; reload: () => void }) {
  const back = useAct(async (accept: boolean) => {
    const { change: next } = await call("wifi.changes.revert", { change: change.id, accept_risk: accept });
    follow(next.id);
    reload();
  });
  const risky = back.error instanceof Refusal && back.error.code === "wifi.risk_not_accepted";
  return (
    <>
      <Button busy={back.busy} onClick={() => back.run(false)}>
        {word}
      </Button>
      {back.error && (
        <div class="stack-s">
          <Trouble error={back.error} />
          {risky && (
            <Button kind="danger" busy={back.busy} onClick={() => back.run(true)}>
              {t.allTheSame}
            </Button>
          )}
        </div>
      )}
    </>
  );
}

function Told({ change, reload }: { change: Change; reload: () => void }) {
  const over = ended(change);
  return (
    <>
      <div class="stack-s" aria-live="polite">
        {change.state === "rolled_back" && <p class="wifi-lead">{t.rolledBack}</p>}
        {change.state === "applied" && <p class="wifi-lead">{t.applied}</p>}
        {!over && <p class="wifi-lead">{change.state === "pending" ? t.queued : t.going}</p>}
        {change.reason && <p>{change.reason}</p>}
        <p class="soft">
          {change.state === "rolled_back" ? t.oldAgain : t.proofs[change.proof]}
          {change.outage_ms && change.outage_ms >= 50 ? ` ${say(t.outage, { time: outage(change.outage_ms) })}` : ""}
        </p>
      </div>
      {over && (
        <div class="row">
          <Button onClick={() => follow(null)}>{t.dismiss}</Button>
          {change.state === "applied" && change.impact.step !== "none" && may("wifi.changes.revert") && (
            <Back change={change} word={t.undo} reload={reload} />
          )}
        </div>
      )}
    </>
  );
}

/** `0.8 s`, `12 s` */
export function outage(ms: number): string {
  return ms < 10_000 ? `${Number((ms / 1000).toFixed(1))} s` : duration(ms / 1000);
}
