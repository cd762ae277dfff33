// Watching a recording, also while it is made; where one stopped is kept.
import { useEffect, useRef, useState } from "preact/hooks";
import { type Answer, call, Refusal, Unreachable } from "@/api/call";
import { useAnswer } from "@/api/use";
import { href } from "@/router";
import { s, say } from "@/strings/strings";
import { duration, moment, size } from "@/ui/format";
import { Button, Pill, Trouble } from "@/ui/parts";
import { missing, recordingState, wanted } from "@/views/tv/data";
import { play, type Playing } from "@/views/tv/engine";

const t = s.tv.watch;
const KEEP_SECONDS = 5;

export function Watch({ id }: { id: string }) {
  const recording = useAnswer("dvr.recordings.get", { recording: id }, ["dvr.recording_changed"], 10_000);
  const [turn, again] = useState(0);
  const data = recording.data;
  const gaps = data && missing(data);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    heading.current?.focus({ preventScroll: true });
    scrollTo(0, 0);
  }, []);
  return (
    <div class="tv-watch">
      <p>
        <a href={href("tv")}>{t.back}</a>
      </p>
      <h1 class="tv-name" tabIndex={-1} ref={heading}>
        {data?.title ?? s.tv.title}
      </h1>
      <Player key={turn} id={id} title={data?.title ?? ""} again={() => again(turn + 1)} />
      <Trouble error={recording.error} />
      {data && (
        <div class="stack-s">
          <div class="row">
            <Pill state={recordingState(data)}>{s.tv.states[data.state]}</Pill>
            <span class="soft">{[moment(data.start), duration(wanted(data)), data.bytes > 0 && size(data.bytes)].filter(Boolean).join(" · ")}</span>
          </div>
          {gaps && <p>{gaps}</p>}
          {data.reason && <p>{data.reason}</p>}
        </div>
      )}
    </div>
  );
}

type Playback = Answer<"dvr.playback.open">;

function Player({ id, title, again }: { id: string; title: string; again: () => void }) {
  const video = useRef<HTMLVideoElement>(null);
  const [opened, open] = useState<Playback | null>(null);
  const [error, setError] = useState<Refusal | Unreachable | null>(null);
  const [waiting, wait] = useState(true);
  const [failed, fail] = useState<"gone" | "no" | null>(null);
  useEffect(() => {
    let here = true;
    let playing: Playing | null = null;
    const start = async () => {
      const playback = await call("dvr.playback.open", { recording: id });
      const element = video.current;
      if (!here || !element) return;
      open(playback);
      const told = { waiting: (is: boolean) => here && wait(is), failed: (gone: boolean) => here && fail(gone ? "gone" : "no") };
      const begun = await play(element, playback.hls, playback.position, told);
      if (!here) return begun.end();
      playing = begun;
      // Who opened it wants to see it; where the browser forbids that, its own button is there.
      element.play().catch(() => undefined);
    };
    start().catch((reason: unknown) => {
      if (!(reason instanceof Refusal || reason instanceof Unreachable)) throw reason;
      if (here) setError(reason);
    });
    return () => {
      here = false;
      playing?.end();
    };
  }, [id]);
  useKept(id, video, opened !== null);
  return (
    <div class="tv-player">
      <video
        ref={video}
        controls
        playsInline
        aria-label={say(t.video, { name: title })}
        {...(opened && opened.position > 0 && { poster: `${opened.thumbnail}?at=${opened.position}` })}
      />
      {waiting && !failed && !error && (
        <p class="tv-wait" role="status">
          <span class="spinner" aria-hidden="true" />
          {t.waiting}
        </p>
      )}
      <Trouble error={error} retry={again} />
      {failed && (
        <div class="note down" role="alert">
          <p>{failed === "gone" ? t.gone : t.failed}</p>
          <div class="row">
            <Button onClick={again}>{s.common.again}</Button>
            {opened && (
              <a class="button" href={opened.stream} download>
                {t.download}
              </a>
            )}
          </div>
        </div>
      )}
      {opened && opened.position > 0 && waiting && <p class="soft small">{say(t.resume, { time: duration(opened.position) })}</p>}
    </div>
  );
}

/** Keeps the position now and then, at a pause and at the end. */
function useKept(id: string, video: { current: HTMLVideoElement | null }, opened: boolean): void {
  useEffect(() => {
    const element = video.current;
    if (!opened || !element) return;
    let kept = -1;
    const keep = (seconds: number) => {
      if (Math.abs(seconds - kept) < 0.5) return;
      kept = seconds;
      call("dvr.playback.position", { recording: id, seconds }).catch(() => undefined); // the next one will do
    };
    const now = () => element.currentTime > 0 && keep(element.ended ? 0 : Number(element.currentTime.toFixed(1)));
    const timer = setInterval(() => !element.paused && now(), KEEP_SECONDS * 1000);
    for (const event of ["pause", "ended"]) element.addEventListener(event, now);
    addEventListener("pagehide", now);
    return () => {
      clearInterval(timer);
      for (const event of ["pause", "ended"]) element.removeEventListener(event, now);
      removeEventListener("pagehide", now);
      now();
    };
  }, [id, opened]);
}
