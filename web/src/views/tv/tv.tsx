export default function Tv() {
  return <h1>Tv</h1>;
}
