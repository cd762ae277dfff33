// What a technician came for: the last verdict, and the button for the next one.
import { go } from "@/router";
import { s } from "@/strings/strings";
import { Button, Card, Pill } from "@/ui/parts";
import type { Status } from "@/views/home/headline";

export function Verdict({ verdict }: { verdict: Status["verdict"] }) {
  return (
    <Card title={s.home.verdict.title} side={<Pill state={verdict.state} />} class="home-wide">
      <p class="home-verdict">{verdict.sentence}</p>
      <Button kind="first" big icon="diagnose" onClick={() => go("diagnose", "now")}>
        {s.home.verdict.go}
      </Button>
    </Card>
  );
}
