export default function Enter() {
  return <h1>Enter</h1>;
}
