// Box: how it is, who may do what, what went on. A menu, and a place for each.
import type { ComponentType } from "preact";
import { box, may, me, role } from "@/api/session";
import { useAnswer } from "@/api/use";
import { href, place } from "@/router";
import { s } from "@/strings/strings";
import { Icon, type IconName } from "@/ui/icon";
import { Blank, Card, Pill, Trouble } from "@/ui/parts";
import { Activity } from "@/views/box/activity";
import { AlertList } from "@/views/box/alerts";
import { Clock } from "@/views/box/clock";
import { Health } from "@/views/box/health";
import { Logs } from "@/views/box/logs";
import { Place } from "@/views/box/parts";
import { People } from "@/views/box/people";
import { Portal } from "@/views/box/portal";
import { Privacy } from "@/views/box/privacy";
import { Repair } from "@/views/box/repair";
import { Restart } from "@/views/box/restart";
import { Sessions } from "@/views/box/sessions";
import { Support } from "@/views/box/support";
import { Tokens } from "@/views/box/tokens";
import { Visits } from "@/views/box/visits";
import { You } from "@/views/box/you";
import "@/views/box/box.css";

type Name = keyof typeof s.box.places;
interface Spot {
  icon: IconName;
  shown: () => boolean;
  View: ComponentType;
}

const own = () => me.value !== null && me.value !== "none" && me.value.account !== null;
const SPOTS: Record<Name, Spot> = {
  health: { icon: "diagnose", shown: () => true, View: Health },
  restart: { icon: "restart", shown: () => may("upkeep.restart"), View: Restart },
  clock: { icon: "clock", shown: () => may("household.update"), View: Clock },
  logs: { icon: "list", shown: () => may("upkeep.logs.get"), View: Logs },
  support: { icon: "share", shown: () => may("upkeep.support_bundle"), View: Support },
  you: { icon: "person", shown: own, View: You },
  people: { icon: "home", shown: () => may("access.accounts.list"), View: People },
  sessions: { icon: "phone", shown: () => may("access.sessions.list"), View: Sessions },
  visits: { icon: "diagnose", shown: () => may("access.technician.visits.list"), View: Visits },
  alerts: { icon: "alert", shown: () => may("access.alerts.list"), View: AlertList },
  activity: { icon: "clock", shown: () => may("access.activity.list"), View: Activity },
  privacy: { icon: "eye", shown: () => may("privacy.settings.get"), View: Privacy },
  portal: { icon: "globe", shown: () => may("portal.get"), View: Portal },
  repair: { icon: "check", shown: () => may("diagnostics.repair.update"), View: Repair },
  tokens: { icon: "key", shown: () => may("access.tokens.list"), View: Tokens },
};
const GROUPS: Record<keyof typeof s.box.groups, readonly Name[]> = {
  box: ["health", "restart", "clock", "logs", "support"],
  people: ["you", "people", "sessions", "visits"],
  watch: ["alerts", "activity"],
  out: ["privacy", "portal", "repair", "tokens"],
};

export default function Box() {
  const asked = place.value.rest[0] as Name | undefined;
  const spot = asked && asked in SPOTS ? SPOTS[asked] : null;
  if (!asked || !spot?.shown()) return <Menu />;
  return (
    <Place title={s.box.places[asked].title}>
      <spot.View />
    </Place>
  );
}

function Menu() {
  const status = useAnswer("status.get", {}, ["upkeep.*"], 30_000);
  return (
    <div class="box-menu">
      <h1>{box.value?.name}</h1>
      <Card title={s.box.places.health.title} side={status.data && <Pill state={status.data.health.state} />}>
        {status.data ? <p>{status.data.health.sentence}</p> : status.error ? <Trouble error={status.error} retry={status.reload} /> : <Blank lines={1} />}
        <dl class="facts small">
          <dt>{s.box.facts.version}</dt>
          <dd>{box.value?.version}</dd>
          <dt>{s.box.facts.model}</dt>
          <dd>{box.value?.model}</dd>
          <dt>{s.box.facts.id}</dt>
          <dd class="mono">{box.value?.id}.local</dd>
        </dl>
      </Card>
      <div class="box-columns">
        {Object.entries(GROUPS).map(([group, names]) => (
          <Group key={`${group} ${role.value}`} title={s.box.groups[group as keyof typeof GROUPS]} names={names.filter((name) => SPOTS[name].shown())} />
        ))}
      </div>
    </div>
  );
}

function Group({ title, names }: { title: string; names: readonly Name[] }) {
  if (names.length === 0) return null;
  return (
    <section class="box-group">
      <h2>{title}</h2>
      <ul class="box-links">
        {names.map((name) => (
          <li key={name}>
            <a href={href("box", name)}>
              <Icon name={SPOTS[name].icon} size={22} />
              <span>
                <strong>{s.box.places[name].title}</strong>
                <span class="small soft">{s.box.places[name].more}</span>
              </span>
              <Icon name="chevron" size={18} />
            </a>
          </li>
        ))}
      </ul>
    </section>
  );
}
