export function Outages(_: { kind?: string | undefined }) { return <h1>Outages</h1>; }
