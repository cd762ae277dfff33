// What the tools' jobs answer, and tell on their way: the types of the box's own document.
import type { components } from "#api";

type Kinds = components["schemas"];
export type DiagnosisPartial = Kinds["DiagnosticsPartial"];
export type PingResult = Kinds["PingResult"];
export type TracerouteResult = Kinds["TracerouteResult"];
export type Hop = Kinds["Hop"];
export type LookupResult = Kinds["LookupResult"];
export type ProbeResult = Kinds["ProbeResult"];
export type PhoneReport = Kinds["PhoneReport"];
export type MailReport = Kinds["MailReport"];
export type CaptureResult = Kinds["CaptureResult"];
export type SpeedtestResult = Kinds["SpeedtestResult"];
export type SpeedProgress = Kinds["SpeedProgress"];
export type DirectionResult = Kinds["DirectionResult"];
export type Latency = Kinds["Latency"];
export type Way = DirectionResult["way"];
