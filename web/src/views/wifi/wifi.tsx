export default function Wifi() {
  return <h1>Wifi</h1>;
}
