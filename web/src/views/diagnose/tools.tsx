export function Tools(_: { kind?: string | undefined }) { return <h1>Tools</h1>; }
