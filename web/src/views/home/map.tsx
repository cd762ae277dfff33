// The way that everything takes: line, box, Wi-Fi, devices. Each has a colour, a shape and a word, and leads on.
import { may } from "@/api/session";
import { useAnswer } from "@/api/use";
import { href } from "@/router";
import { plural, s, say } from "@/strings/strings";
import { Icon, type IconName } from "@/ui/icon";
import type { State } from "@/ui/parts";
import type { Status } from "@/views/home/headline";

interface Node {
  name: keyof typeof s.home.map.nodes;
  icon: IconName;
  state: State;
  word: string;
  said: string;
  to: string | null;
}

export function Map({ status }: { status: Status }) {
  const seen = may("wifi.stations.list");
  const stations = useAnswer("wifi.stations.list", seen ? {} : null, ["wifi.station_joined", "wifi.station_left"], 15_000);
  const many = stations.data?.items.length;
  const said = many === undefined ? status.devices.sentence : plural(many, s.home.map.oneDevice, s.home.map.devices);
  const nodes: Node[] = [
    node("internet", "globe", status.internet, may("diagnostics.run") ? href("diagnose") : null),
    node("box", "box", status.health, href("box", "health")),
    node("wifi", "wifi", status.wifi, may("wifi.networks.list") ? href("wifi") : null),
    {
      name: "devices",
      icon: "phone",
      state: many ? "ok" : "unknown",
      word: many === undefined ? s.common.states.unknown : say(s.home.map.online, { n: many }),
      said,
      to: seen ? href("wifi") : null,
    },
  ];
  return (
    <nav class="home-map home-wide" aria-label={s.home.map.title}>
      <ol>
        {nodes.map((each, at) => (
          <li key={each.name} class={each.state}>
            {at > 0 && <Wire state={worse(nodes[at - 1]?.state ?? "unknown", each.state)} />}
            <Place node={each} />
          </li>
        ))}
      </ol>
    </nav>
  );
}

function Place({ node: { name, icon, word, said, to } }: { node: Node }) {
  const inner = (
    <>
      <span class="home-dot">
        <Icon name={icon} size={28} />
      </span>
      <span class="home-name">{s.home.map.nodes[name]}</span>
      <span class="home-word">{word}</span>
      <span class="visually-hidden">{said}</span>
    </>
  );
  return to ? (
    <a href={to} title={said}>
      {inner}
    </a>
  ) : (
    <span title={said}>{inner}</span>
  );
}

/** Between two places: whole where both are well, broken where one is not. */
function Wire({ state }: { state: State }) {
  return (
    <svg class={`home-wire ${state}`} viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
      <line x1="0" y1="4" x2="100" y2="4" />
    </svg>
  );
}

function node(name: Node["name"], icon: IconName, part: { state: State; sentence: string }, to: string | null): Node {
  return { name, icon, state: part.state, word: s.common.states[part.state], said: part.sentence, to };
}

function worse(one: State, other: State): State {
  for (const state of ["down", "degraded", "unknown"] as const) if (one === state || other === state) return state;
  return "ok";
}
