// A controller's day with usp-js: one JSON document with what came out of each step, on standard output.
// Arguments: protocol, port, the box's endpoint id, the topic of the box, our own topic.
"use strict";
const connect = require("usp-js").default;

const [protocol, port, toId, publishEndpoint, subscribeEndpoint, steps] = process.argv.slice(2);
const told = {};
const DVR = "Device.Services.STBService.1.X_GATEWAYD_DVR.";
const TOMORROW = new Date(Date.now() + 86400000).toISOString();
const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

// A command that goes on: what its OperationComplete tells.
async function finished(usp, command, inputs) {
  const [run, clear] = await usp.operate(command);
  const result = await run(inputs);
  await clear();
  return result;
}

const day = {
  information: (usp) => usp.get("Device.DeviceInfo.SoftwareVersion"),
  stations: (usp) => usp.get("Device.WiFi.AccessPoint.*.AssociatedDevice."),
  password: (usp) =>
    usp.set("Device.WiFi.AccessPoint.1.Security.", { KeyPassphrase: "by an independent hand" }),
  async subscription(usp) {
    const heard = [];
    const what = { id: "names", notif: "ValueChange", reference: "Device.WiFi.SSID.1.SSID" };
    const clear = await usp.subscribe(what, (message) => heard.push(message));
    await wait(500);
    await usp.set("Device.WiFi.SSID.1.", { SSID: "Heard by usp-js" });
    for (let tries = 0; tries < 50 && heard.length === 0; tries++) await wait(100);
    await clear();
    return heard;
  },
  ping: (usp) => finished(usp, "Device.IP.Diagnostics.IPPing()", { Host: "box.example", NumberOfRepetitions: "3" }),
  diagnosis: (usp) => finished(usp, "Device.SelfTestDiagnostics()", {}),
  async recording(usp) {
    const [record] = await usp.operate(`${DVR}Record()`, { isAsync: false });
    const made = await record({ ChannelName: "testcard", Duration: "3600", Title: "By usp-js" });
    const id = JSON.stringify(made).match(/"ID":"([^"]+)"/)[1];
    const size = `${DVR}Recording.[ID=="${id}"].Size`;
    for (let tries = 0; tries < 200 && !(Number(await usp.get(size)) > 0); tries++) await wait(100);
    const [stop] = await usp.operate(`${DVR}StopRecording()`, { isAsync: false });
    const stopped = await stop({ ID: id });
    const [plan] = await usp.operate(`${DVR}Record()`, { isAsync: false });
    const planned = await plan({ ChannelName: "testcard", Duration: "60", StartTime: TOMORROW, Title: "Planned" });
    return { made, stopped, planned };
  },
  async reboot(usp) {
    const [reboot] = await usp.operate("Device.Reboot()", { isAsync: false });
    return reboot({ Cause: "LocalReboot" });
  },
};

(async () => {
  const options = { protocol, host: "127.0.0.1", port: Number(port), toId, fromId: "self::desk" };
  const usp = await connect({ ...options, publishEndpoint, subscribeEndpoint, version: "1.3" });
  for (const step of steps.split(",")) {
    try {
      told[step] = { answer: await day[step](usp) };
    } catch (error) {
      told[step] = { error: error instanceof Error ? String(error.stack) : error };
    }
  }
  process.stdout.write(JSON.stringify(told));
  await usp.disconnect();
  process.exit(0);
})();
