// What the tools' jobs answer. A job's result is open in the document, so these stand here by hand; the shapes
// are those of gatewayd/diagnostics/tool_model.py, speed_model.py and capture.py.
import type { Found } from "./model";

export interface DiagnosisPartial {
  results: Found[];
}

export interface PingResult {
  target: string;
  address: string;
  sent: number;
  received: number;
  loss: number;
  min_ms: number | null;
  median_ms: number | null;
  max_ms: number | null;
  jitter_ms: number | null;
  replies: { sequence: number; ms: number | null; error: string | null }[];
}

export interface Hop {
  hop: number;
  addresses: string[];
  name: string | null;
  sent: number;
  received: number;
  loss: number;
  best_ms: number | null;
  mean_ms: number | null;
  worst_ms: number | null;
}

export interface TracerouteResult {
  target: string;
  address: string;
  reached: boolean;
  hops: Hop[];
}

export interface LookupResult {
  name: string;
  type: string;
  resolver: string;
  outcome: "answered" | "timeout" | "unreachable" | "unreadable";
  code: string | null;
  ms: number | null;
  records: { name: string; type: string; ttl: number; data: string }[];
}

export interface ProbeResult {
  target: string;
  port: number;
  ok: boolean;
  steps: { step: "resolve" | "connect" | "tls" | "http"; ok: boolean; ms: number; detail: string }[];
  address: string | null;
  tls_version: string | null;
  certificate: { subject: string; issuer: string; not_after: string; trusted: boolean; reason: string | null } | null;
  status: number | null;
  server: string | null;
}

export interface CaptureResult {
  capture: string;
  interface: string;
  packets: number;
  dropped: number;
  bytes: number;
}

export type Way = "down" | "up";

export interface Latency {
  ms: number;
  p95_ms: number;
  rpm: number;
}

export interface DirectionResult {
  way: Way;
  rate: number | null;
  confidence: "high" | "medium" | "low";
  seconds: number;
  bytes: number;
  streams: number;
  retransmits: number;
  latency: Latency | null;
  limited: string[];
}

export interface SpeedtestResult {
  state: "done" | "busy" | "device_limited";
  sentence: string;
  started: string;
  server: string;
  idle: Latency | null;
  down: DirectionResult | null;
  up: DirectionResult | null;
}

export interface SpeedProgress {
  stage: "listening" | "idle" | Way;
  rate: number | null;
  streams: number;
  ms: number | null;
  down: DirectionResult | null;
}

