export default function Box() {
  return <h1>Box</h1>;
}
