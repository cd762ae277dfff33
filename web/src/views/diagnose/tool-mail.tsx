import { useState } from "preact/hooks";
import { s } from "@/strings/strings";
import { Icon } from "@/ui/icon";
import { Card, Field, Pill } from "@/ui/parts";
import type { MailReport } from "./results";
import { useTool } from "./running";
import { ms, ToolForm, wrongOf } from "./tool-form";

const W = s.diagnose.tools;
const GOOD: readonly string[] = ["greeted", "connected"];

export function Mail() {
  const tool = useTool<MailReport, MailReport, "diagnostics.mail">("diagnostics.mail");
  const [domain, setDomain] = useState("");
  const found = tool.result;
  return (
    <div class="diagnose-columns">
      <ToolForm kind="mail" tool={tool} fields={["domain"]} begin={() => void tool.start.run({ domain: domain.trim() || null })}>
        <Field
          label={W.mailDomain}
          hint={W.mailHint}
          wrong={wrongOf(tool, "domain")}
          value={domain}
          autoCapitalize="none"
          autoComplete="off"
          spellcheck={false}
          onInput={(event) => setDomain(event.currentTarget.value)}
        />
      </ToolForm>
      {found && (
        <Card
          title={found.domain ?? W.kinds.mail}
          side={<Pill state={found.ok ? "ok" : "down"}>{found.ok ? W.works : W.broken}</Pill>}
        >
          <ul class="list">
            {found.servers.map((each) => {
              const good = GOOD.includes(each.outcome);
              return (
                <li key={each.target + each.use} class="diagnose-step">
                  <span class={`diagnose-light ${good ? "ok" : "failed"}`} aria-hidden="true">
                    <Icon name={good ? "check" : "cross"} size={16} />
                  </span>
                  <span class="diagnose-grow">
                    {W.mailUses[each.use]}
                    <span class="diagnose-block mono soft">{each.target}</span>
                    <span class="diagnose-block soft small">{W.mailOutcomes[each.outcome]}</span>
                  </span>
                  <span class="soft">{ms(each.ms)}</span>
                </li>
              );
            })}
          </ul>
        </Card>
      )}
    </div>
  );
}
