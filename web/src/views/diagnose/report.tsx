// The report: on the screen, on paper, or handed on. The box's own page of it goes along as a file.
import { useState } from "preact/hooks";
import { useAnswer } from "@/api/use";
import { s, say } from "@/strings/strings";
import { Blank, Button, Choice, Trouble } from "@/ui/parts";
import { toast } from "@/ui/toast";
import { Paper } from "./paper";
import { asText, when } from "./report-text";
import { saved } from "./save";

const W = s.diagnose.report;

export function Report() {
  const [days, setDays] = useState("31");
  const answer = useAnswer("diagnostics.report.get", { days: Number(days), format: "html" });
  const { data } = answer;
  const name = data ? `connection-${data.report.box.id}-${data.report.made.slice(0, 10)}.html` : "";
  const file = () => new File([data?.page ?? ""], name, { type: "text/html" });

  const share = async () => {
    if (!data) return;
    const text = asText(data.report);
    const files = [file()];
    try {
      const device: { share?: unknown; canShare?: (data: ShareData) => boolean } = navigator; // older ones lack them
      if (device.canShare?.({ files })) await navigator.share({ files, title: W.title, text });
      else if (device.share) await navigator.share({ title: W.title, text });
      else {
        await navigator.clipboard.writeText(text);
        toast(W.copied);
      }
    } catch (error) {
      // Who closes the sheet has decided; all else is told.
      if (!(error instanceof DOMException && error.name === "AbortError")) toast(W.noCopy);
    }
  };
  return (
    <>
      <section class="card diagnose-hero no-print">
        <div class="stack-s">
          <h1>{W.title}</h1>
          <p class="soft">{W.lead}</p>
        </div>
        <Choice label={W.span} value={days} onChange={setDays} options={Object.entries(W.spans)} />
        <div class="diagnose-deeds">
          <Button kind="first" icon="print" disabled={!data} onClick={() => print()}>
            {W.print}
          </Button>
          <Button icon="share" disabled={!data} onClick={() => void share()}>
            {W.share}
          </Button>
          <Button icon="down" disabled={!data} onClick={() => saved(file(), name)}>
            {W.save}
          </Button>
        </div>
      </section>
      {data ? (
        <article class="card diagnose-paper">
          <header class="stack-s">
            <h2>{data.report.box.name}</h2>
            <p class="soft small">
              {`${data.report.box.model} ${data.report.box.id}, ${data.report.box.version}. `}
              {say(W.made, { when: when(data.report.made), zone: data.report.time_zone })}
            </p>
          </header>
          <Paper report={data.report} />
        </article>
      ) : answer.error ? (
        <Trouble error={answer.error} retry={answer.reload} />
      ) : (
        <section class="card">
          <Blank lines={8} />
        </section>
      )}
    </>
  );
}
