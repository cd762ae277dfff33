export default function Diagnose() {
  return <h1>Diagnose</h1>;
}
