import { useAnswer } from "@/api/use";
import { s } from "@/strings/strings";
import { rate } from "@/ui/format";
import { Blank, Card, Pill, Trouble } from "@/ui/parts";

const W = s.diagnose.tools;
const STATES = { good: "ok", fair: "degraded", poor: "down", unknown: "unknown" } as const;

/** Television's streams, looked at again every few seconds. */
export function Signal() {
  const signal = useAnswer("diagnostics.signal.get", {}, [], 3000);
  const { data } = signal;
  return (
    <Card title={W.kinds.tv}>
      <p class="soft">{W.says.tv}</p>
      {!data && (signal.error ? <Trouble error={signal.error} retry={signal.reload} /> : <Blank />)}
      {data && !data.recorder && <p class="note degraded">{W.noRecorder}</p>}
      {data?.recorder && data.items.length === 0 && <p>{W.noTv}</p>}
      <ul class="list">
        {data?.items.map((each) => (
          <li key={each.channel} class="stack-s">
            <div class="spread">
              <h3>{each.name}</h3>
              <Pill state={STATES[each.quality?.grade ?? "unknown"]}>{W.grades[each.quality?.grade ?? "unknown"]}</Pill>
            </div>
            <p>{each.quality?.sentence}</p>
            <p class="soft small">
              {W.streams[each.state]}, {rate(each.bitrate)}
            </p>
            {each.quality && (
              <details class="diagnose-more">
                <summary>{s.diagnose.evidence}</summary>
                <div class="scroll">
                  <table>
                    <thead>
                      <tr>
                        <th scope="col">{W.indicator}</th>
                        <th scope="col">{W.times}</th>
                      </tr>
                    </thead>
                    <tbody>
                      {each.quality.indicators.map((one) => (
                        <tr key={one.number}>
                          <td>
                            {one.number} {one.name}
                          </td>
                          <td>{one.count ?? one.note}</td>
                        </tr>
                      ))}
                    </tbody>
                  </table>
                </div>
              </details>
            )}
          </li>
        ))}
      </ul>
    </Card>
  );
}
