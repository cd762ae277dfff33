export function Report(_: { kind?: string | undefined }) { return <h1>Report</h1>; }
