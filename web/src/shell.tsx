// The frame around every view: who the box is, where one can go, whether the link is up.
import type { ComponentType } from "preact";
import { lazy, Suspense } from "preact/compat";
import { useEffect, useRef } from "preact/hooks";
import { call } from "@/api/call";
import { link } from "@/api/live";
import { box, leave, may, me, role } from "@/api/session";
import { href, place } from "@/router";
import { s } from "@/strings/strings";
import { Icon, type IconName } from "@/ui/icon";
import { Blank, Button } from "@/ui/parts";
import { Toasts } from "@/ui/toast";

interface View {
  icon: IconName;
  shown: () => boolean;
  View: ComponentType;
}

const VIEWS: Record<keyof typeof s.shell.views, View> = {
  home: { icon: "home", shown: () => true, View: lazy(() => import("@/views/home/home")) },
  diagnose: { icon: "diagnose", shown: () => may("diagnostics.run"), View: lazy(() => import("@/views/diagnose/diagnose")) },
  wifi: { icon: "wifi", shown: () => may("wifi.networks.list"), View: lazy(() => import("@/views/wifi/wifi")) },
  tv: { icon: "tv", shown: () => may("dvr.recordings.list"), View: lazy(() => import("@/views/tv/tv")) },
  box: { icon: "box", shown: () => true, View: lazy(() => import("@/views/box/box")) },
};
const Enter = lazy(() => import("@/views/enter/enter"));

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
      <p>{s.shell.starting}</p>
      <Blank />
    </main>
  );
}

function Inside() {
  const shown = Object.entries(VIEWS).filter(([, view]) => view.shown());
  const current = shown.find(([name]) => name === place.value.view);
  const content = useRef<HTMLElement>(null);
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
      {link.value === "lost" && (
        <div class="lost" role="status">
          <span class="spinner" aria-hidden="true" />
          {s.shell.lost}
        </div>
      )}
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
        <Suspense fallback={<Blank lines={5} />}>{View ? <View /> : <h1>{s.shell.missing}</h1>}</Suspense>
      </main>
      <Toasts />
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
