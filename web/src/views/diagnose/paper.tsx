// The body of the report: headings and tables, the same on the screen and on paper.
import type { ComponentChildren } from "preact";
import { s } from "@/strings/strings";
import { duration } from "@/ui/format";
import { named, severity, share } from "./model";
import { amount, type Report, when } from "./report-text";

const W = s.diagnose.report;
type Cell = ComponentChildren;

export function Paper({ report }: { report: Report }) {
  const { diagnosis, outages, repairs, measured, months, runs, reported } = report;
  return (
    <>
      <Part title={W.connection}>
        <p>{report.sentence}</p>
      </Part>
      {diagnosis && (
        <>
          <Part title={W.verdict}>
            <div class={`note ${severity(diagnosis)}`}>
              <h3>{diagnosis.short || diagnosis.verdict}</h3>
              <p>{diagnosis.remedy}</p>
              <p class="small soft">
                <span class="mono">{diagnosis.verdict}</span> {s.diagnose.confidence[diagnosis.confidence]}.{" "}
                {report.diagnosed && when(report.diagnosed)}
              </p>
            </div>
            {diagnosis.also_seen.map((each) => (
              <p key={each.verdict}>{`${s.diagnose.also}: ${each.short} ${each.remedy}`}</p>
            ))}
            {diagnosis.notes.map((each) => (
              <p key={each} class="soft">
                {each}
              </p>
            ))}
          </Part>
          <Part title={W.evidence}>
            <Table
              heads={[W.check, W.found, W.time]}
              rows={diagnosis.evidence
                .filter((each) => each.status !== "skipped")
                .map((each) => [each.check, `${s.diagnose.lights[each.status]}. ${each.detail}`, `${each.seconds.toFixed(1)} s`])}
            />
          </Part>
        </>
      )}
      <Part title={W.availability}>
        <Table
          heads={[W.month, W.there, W.gone, W.partly, W.outages]}
          rows={months.map((each) => [named(each.period), share(each.available), duration(each.down), duration(each.partly), each.outages])}
        />
      </Part>
      <Part title={W.outages}>
        <Table
          heads={[W.from, W.lasted, W.what]}
          rows={outages.map((each) => [when(each.start), each.end ? duration(each.seconds) : W.lasts, each.sentence])}
        />
      </Part>
      {reported.length > 0 && (
        <Part title={s.diagnose.outages.provider}>
          <Table heads={[W.from, W.what]} rows={reported.map((each) => [each.start ? when(each.start) : "", each.sentence])} />
        </Part>
      )}
      {repairs.length > 0 && (
        <Part title={W.repairs}>
          <Table
            heads={[W.from, W.what]}
            rows={repairs.map((each) => [
              when(each.began),
              `${s.diagnose.outages.repair[each.state]}: ${s.diagnose.outages.steps[each.step]} ${each.note}`,
            ])}
          />
        </Part>
      )}
      {measured.length > 0 && (
        <Part title={W.measured}>
          <Table
            heads={[W.what, W.mean, W.most]}
            rows={measured.map(({ name, unit, points }) => [
              name.slice(0, name.lastIndexOf("_")).replaceAll("_", " "),
              amount(points.reduce((sum, each) => sum + each[1], 0) / points.length, unit),
              amount(Math.max(...points.map((each) => each[3])), unit),
            ])}
          />
        </Part>
      )}
      {runs.length > 1 && (
        <Part title={W.runs}>
          <Table heads={[W.from, W.verdict]} rows={runs.slice(1).map((each) => [when(each.started), each.verdict])} />
        </Part>
      )}
    </>
  );
}

function Part({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <section class="stack-s">
      <h2>{title}</h2>
      {children}
    </section>
  );
}

function Table({ heads, rows }: { heads: readonly string[]; rows: readonly (readonly Cell[])[] }) {
  if (rows.length === 0) return <p class="soft">{W.none}</p>;
  return (
    <div class="scroll" tabIndex={0}>
      <table>
        <thead>
          <tr>
            {heads.map((each) => (
              <th key={each} scope="col">
                {each}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((cells, row) => (
            <tr key={row}>
              {cells.map((cell, column) => (
                <td key={column}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
