// The software's own log: filtered, and followed while it grows.
import { useEffect, useRef, useState } from "preact/hooks";
import { type Answer, call, Refusal, Unreachable } from "@/api/call";
import { s } from "@/strings/strings";
import { moment } from "@/ui/format";
import { Blank, Card, Check, Choice, Field, Trouble } from "@/ui/parts";

const LEVELS = ["info", "warning", "error", "debug"] as const;
type Level = (typeof LEVELS)[number];
const PROCESSES = ["", "gatewayd", "recorder", "netd"] as const;
type Process = (typeof PROCESSES)[number];
const EVERY = 2000;
const MOST = 1000;

type Line = Answer<"upkeep.logs.get">["items"][number];

export function Logs() {
  const [level, setLevel] = useState<Level>("info");
  const [process, setProcess] = useState<Process>("");
  const [contains, setContains] = useState("");
  const [follow, setFollow] = useState(true);
  const { lines, gap, error } = useLines(level, process, contains, follow);
  const list = useRef<HTMLOListElement>(null);
  useEffect(() => {
    if (follow && list.current) list.current.scrollTop = list.current.scrollHeight;
  }, [lines, follow]);
  return (
    <Card>
      <div class="box-columns">
        <Choice
          label={s.box.logs.level}
          value={level}
          onChange={(chosen) => setLevel(chosen as Level)}
          options={LEVELS.map((each) => [each, s.box.logs.levels[each]] as const)}
        />
        <Choice
          label={s.box.logs.process}
          value={process}
          onChange={(chosen) => setProcess(chosen as Process)}
          options={PROCESSES.map((each) => [each, s.box.logs.processes[each]] as const)}
        />
        <Field label={s.box.logs.contains} type="search" value={contains} maxLength={100} onInput={(event) => setContains(event.currentTarget.value)} />
      </div>
      <Check label={s.box.logs.follow} checked={follow} onChange={setFollow} />
      <Trouble error={error} />
      {gap && <p class="small soft">{s.box.logs.gap}</p>}
      {!lines && !error && <Blank lines={6} />}
      {lines?.length === 0 && <p class="soft">{s.box.logs.none}</p>}
      {lines && lines.length > 0 && (
        <ol class="box-log" ref={list} tabIndex={0} aria-label={s.box.logs.list}>
          {lines.map((line, at) => (
            <li key={at} class={line.level}>
              {moment(line.time)} {line.level} <strong>{line.event}</strong> {line.text}
            </li>
          ))}
        </ol>
      )}
    </Card>
  );
}

function useLines(level: Level, process: Process, contains: string, follow: boolean) {
  const [lines, setLines] = useState<readonly Line[] | null>(null);
  const [gap, setGap] = useState(false);
  const [error, setError] = useState<Refusal | Unreachable | null>(null);
  const cursor = useRef<string | null>(null);
  const following = useRef(follow);
  following.current = follow;
  useEffect(() => {
    let here = true;
    let timer: number | undefined;
    cursor.current = null;
    const read = async () => {
      try {
        const wanted = { level, contains, limit: 200, ...(process && { process }), ...(cursor.current && { cursor: cursor.current }) };
        const page = await call("upkeep.logs.get", wanted);
        if (!here) return;
        const first = cursor.current === null;
        cursor.current = page.next;
        setError(null);
        if (page.gap) setGap(true);
        setLines((known) => (first ? page.items : page.items.length ? [...(known ?? []), ...page.items].slice(-MOST) : known));
      } catch (reason) {
        if (!(reason instanceof Refusal || reason instanceof Unreachable)) throw reason;
        if (here) setError(reason);
      }
    };
    const again = async () => {
      if (cursor.current === null || following.current) await read();
      if (here) timer = window.setTimeout(again, EVERY);
    };
    // Whoever is still typing has not asked yet.
    timer = window.setTimeout(again, contains ? 300 : 0);
    return () => {
      here = false;
      clearTimeout(timer);
    };
  }, [level, process, contains]);
  return { lines, gap, error };
}
