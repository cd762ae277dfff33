// Coming in: making the box one's own, signing in, an invitation, a technician's code.
import type { ComponentChildren, ComponentType } from "preact";
import { useState } from "preact/hooks";
import { call } from "@/api/call";
import { box, know, type Me } from "@/api/session";
import { go, href, place } from "@/router";
import { s } from "@/strings/strings";
import { Icon, type IconName } from "@/ui/icon";
import { Claim } from "@/views/enter/claim";
import { Join } from "@/views/enter/join";
import { SignIn } from "@/views/enter/signin";
import { Visit } from "@/views/enter/visit";
import { Welcome } from "@/views/enter/welcome";
import "@/views/enter/enter.css";

/** What every way in is given: what to call when it has led in, and a code that came with the link. */
export interface Way {
  entered: () => Promise<void>;
  given: string;
}

/** Goes on to the page itself; a link that only led in is done with. */
async function inside(): Promise<void> {
  if (place.value.view === "enter") go("home");
  await know();
}

type Named = "claim" | "signin" | "join" | "technician";
const WAYS: Record<Named, { icon: IconName; Form: ComponentType<Way> }> = {
  claim: { icon: "key", Form: Claim },
  signin: { icon: "person", Form: SignIn },
  join: { icon: "plus", Form: Join },
  technician: { icon: "diagnose", Form: Visit },
};

export default function Enter() {
  const [newcomer, setNewcomer] = useState<Me | null>(null);
  const unclaimed = box.value?.state === "unclaimed";
  const { view, rest } = place.value;
  const asked = view === "enter" && rest[0] && rest[0] in WAYS ? (rest[0] as Named) : null;
  const way = asked ?? (unclaimed ? "claim" : "signin");
  const others: Named[] = unclaimed ? ["claim", "technician"] : ["signin", "technician", "join", "claim"];
  const entered = async () => {
    const mine = await call("access.session.get", {});
    // Who came by a code and has no password could not come again: now is the time to choose one.
    if (mine.account && !mine.password) setNewcomer(mine);
    else await inside();
  };
  if (newcomer?.account) {
    return (
      <Frame>
        <Welcome account={newcomer.account} name={newcomer.name ?? ""} done={inside} />
      </Frame>
    );
  }
  const { Form } = WAYS[way];
  return (
    <Frame>
      <Form key={way} given={asked === way ? (rest[1] ?? "") : ""} entered={entered} />
      <nav class="enter-ways" aria-label={s.enter.ways.title}>
        {others
          .filter((other) => other !== way)
          .map((other) => (
            <a key={other} class="button quiet" href={href("enter", other)}>
              <Icon name={WAYS[other].icon} />
              {s.enter.ways[other]}
            </a>
          ))}
      </nav>
    </Frame>
  );
}

function Frame({ children }: { children: ComponentChildren }) {
  return (
    <main class="enter">
      <div class="enter-inner">
        <div class="enter-brand">
          <img src="/icon.svg" alt="" />
          <p>
            {box.value?.name}
            <br />
            <span class="small soft">{box.value?.id}</span>
          </p>
        </div>
        {children}
      </div>
    </main>
  );
}
