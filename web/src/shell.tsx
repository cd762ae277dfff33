// The frame around every view: who the box is, where one can go, whether the link is up.
import type { ComponentType } from "preact";
import { lazy, Suspense } from "preact/compat";
import { useEffect, useRef } from "preact/hooks";
import { call } from "@/api/call";
import { link } from "@/api/live";
import { box, leave, may, me, role } from "@/api/session";
import { useAnswer } from "@/api/use";
import { follow, restarting } from "@/life";
import { href, place } from "@/router";
import { s } from "@/strings/strings";
import { zone } from "@/ui/format";
import { Icon, type IconName } from "@/ui/icon";
import { Blank, Button } from "@/ui/parts";
import { Toasts } from "@/ui/toast";

interface View {
  icon: IconName;
  shown: () => boolean;
  View: ComponentType;
}

/** A view's file may be asked for just while the box is away: it is asked for again until it comes. */
async function patiently<T>(load: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await load();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }
}

const VIEWS: Record<keyof typeof s.shell.views, View> = {
  home: { icon: "home", shown: () => true, View: lazy(() => patiently(() => import("@/views/home/home"))) },
  diagnose: { icon: "diagnose", shown: () => may("diagnostics.run"), View: lazy(() => patiently(() => import("@/views/diagnose/diagnose"))) },
  wifi: { icon: "wifi", shown: () => may("wifi.networks.list"), View: lazy(() => patiently(() => import("@/views/wifi/wifi"))) },
  tv: { icon: "tv", shown: () => may("dvr.recordings.list"), View: lazy(() => patiently(() => import("@/views/tv/tv"))) },
  box: { icon: "box", shown: () => true, View: lazy(() => patiently(() => import("@/views/box/box"))) },
};
const Enter = lazy(() => patiently(() => import("@/views/enter/enter")));
follow();

export function Shell() {
  if (me.value === null) return <Starting />;
  if (me.value === "none") {
    return (
      <Suspense fallback={<Starting />}>
        <Enter />
      </Suspense>
    );
  }
  return <Inside />;
}

function Starting() {
  return (
    <main class="plain stack">
      <h1>{s.shell.starting}</h1>
      <p class="soft">{s.shell.startingHint}</p>
      <Blank lines={2} />
    </main>
  );
}

function Inside() {
  const shown = Object.entries(VIEWS).filter(([, view]) => view.shown());
  const current = shown.find(([name]) => name === place.value.view);
  const content = useRef<HTMLElement>(null);
  const household = useAnswer("household.get", {}, ["household.changed"]);
  useEffect(() => {
    zone.value = household.data?.time_zone;
  }, [household.data]);
  const view = place.value.view;
  useEffect(() => {
    document.title = `${s.shell.views[view as keyof typeof VIEWS] ?? ""} - ${box.value?.name ?? ""}`;
    content.current?.focus({ preventScroll: true });
    scrollTo(0, 0);
  }, [view]);
  const View = current?.[1].View;
  return (
    <div class="shell">
      <a class="skip" href="#content" onClick={(event) => (event.preventDefault(), content.current?.focus())}>
        {s.shell.skip}
      </a>
      <Lost />
      <Top />
      <nav class="tabs no-print" aria-label={s.shell.nav}>
        {shown.map(([name, { icon }]) => (
          <a key={name} href={href(name)} aria-current={name === view ? "page" : undefined}>
            <Icon name={icon} size={24} />
            {s.shell.views[name as keyof typeof VIEWS]}
          </a>
        ))}
      </nav>
      <main class="content" id="content" tabIndex={-1} ref={content}>
        <Suspense fallback={<Coming view={view} />}>{View ? <View /> : <h1>{s.shell.missing}</h1>}</Suspense>
      </main>
      <Toasts />
    </div>
  );
}

/** Until a view's file has come. */
function Coming({ view }: { view: string }) {
  return (
    <>
      <h1 class="visually-hidden">{s.shell.views[view as keyof typeof VIEWS]}</h1>
      <Blank lines={5} />
    </>
  );
}

/** Why nothing moves just now. The place is there from the beginning, so that a screen reader hears it change. */
function Lost() {
  const going = restarting.value;
  const lost = link.value === "lost";
  return (
    <div role="status" class="news">
      {(lost || going) && (
        <div class="lost">
          <span class="spinner" aria-hidden="true" />
          {going ? s.shell.restarting[going] : s.shell.lost}
        </div>
      )}
    </div>
  );
}

function Top() {
  const signOut = () => call("access.logout", {}).then(leave, leave);
  return (
    <header class="top no-print">
      <div class="brand">
        <img src="/icon.svg" alt="" />
        <span>{box.value?.name}</span>
      </div>
      <span class="pill">{s.shell.roles[role.value]}</span>
      <Button kind="quiet" onClick={signOut}>
        {s.shell.signOut}
      </Button>
    </header>
  );
}
