"""What can go wrong, once: every stable code with its HTTP status, its USP number and its title.

All ways in answer from this table: HTTP with RFC 9457 problem+json, the CLI with the sentence and
exit status 1, the portal with the USP error number (TR-369, 7000-7106).
"""

from __future__ import annotations

from typing import NamedTuple


class ErrorSpec(NamedTuple):
    """One row: the HTTP `status`, the TR-369 error `usp`, and whether a repeat may succeed."""

    status: int
    usp: int
    retryable: bool
    title: str


# USP numbers (TR-369, "Error Codes"): 7003 internal, 7004 invalid arguments, 7005 resources exceeded,
# 7006 permission denied, 7012 invalid value, 7016 object does not exist, 7022 command failure.
ERRORS: dict[str, ErrorSpec] = {
    # Requests, whatever they ask for
    "request.malformed": ErrorSpec(400, 7004, False, "The request cannot be read"),
    "request.invalid_field": ErrorSpec(422, 7012, False, "A field has a value that cannot be accepted"),
    "request.unknown_field": ErrorSpec(422, 7004, False, "A field is not known"),
    "request.missing_field": ErrorSpec(422, 7004, False, "A field is missing"),
    "request.too_large": ErrorSpec(413, 7005, False, "The request is too large"),
    "request.timeout": ErrorSpec(408, 7005, True, "The request did not arrive in time"),
    "request.not_found": ErrorSpec(404, 7016, False, "There is nothing here"),
    "request.method_not_allowed": ErrorSpec(405, 7004, False, "This address does not take that method"),
    "request.unsupported_media_type": ErrorSpec(415, 7004, False, "Only JSON is accepted"),
    "request.forbidden_host": ErrorSpec(421, 7006, False, "The request was addressed to another host"),
    "request.forbidden_origin": ErrorSpec(403, 7006, False, "The request came from a foreign page"),
    "request.range_not_satisfiable": ErrorSpec(416, 7012, False, "There is nothing in this range"),
    "request.upgrade_required": ErrorSpec(426, 7004, False, "This address speaks WebSocket"),
    "operation.unknown": ErrorSpec(404, 7022, False, "There is no such operation"),
    "operation.outcome_unknown": ErrorSpec(409, 7022, False, "Interrupted, outcome unknown"),
    "operation.crashed": ErrorSpec(500, 7003, False, "Something went wrong inside the box"),
    "idempotency.mismatch": ErrorSpec(409, 7004, False, "The same key came with another request"),
    "idempotency.answer_not_kept": ErrorSpec(
        409, 7022, False, "Done before; the answer was secret and is not kept"
    ),
    "revision.lost_race": ErrorSpec(412, 7022, True, "Somebody else changed it first"),
    # Who may
    "access.unauthenticated": ErrorSpec(401, 7006, False, "Who are you?"),
    "access.forbidden": ErrorSpec(403, 7006, False, "Not allowed"),
    "access.already_claimed": ErrorSpec(409, 7006, False, "This box has an owner"),
    "access.claim_closed": ErrorSpec(409, 7006, True, "No claim code is open"),
    "access.claim_code_wrong": ErrorSpec(403, 7006, True, "The claim code is wrong"),
    "access.claim_exchange_ended": ErrorSpec(409, 7022, True, "The key exchange has ended"),
    "access.grant_invalid": ErrorSpec(403, 7006, False, "The technician's grant is not valid"),
    "access.grant_key_needed": ErrorSpec(403, 7006, False, "The grant is for another key"),
    "access.grant_expired": ErrorSpec(403, 7006, False, "The technician's grant is over"),
    "access.grant_used": ErrorSpec(409, 7006, False, "The technician's grant was used"),
    "access.presence_needed": ErrorSpec(403, 7006, True, "Somebody has to be at the box"),
    "access.technician_code_wrong": ErrorSpec(403, 7006, False, "The technician's code is not valid"),
    "access.visit_not_found": ErrorSpec(404, 7016, False, "There was no such visit"),
    "access.alert_not_found": ErrorSpec(404, 7016, False, "There is no such alert"),
    "privacy.export_not_found": ErrorSpec(404, 7016, False, "There is no such export"),
    "access.session_not_found": ErrorSpec(404, 7016, False, "There is no such session"),
    "access.dpop_invalid": ErrorSpec(401, 7006, False, "The proof of the key is not right"),
    "access.dpop_nonce": ErrorSpec(401, 7006, True, "The proof of the key needs a nonce of the box"),
    "access.csrf": ErrorSpec(403, 7006, False, "The page did not prove that it is ours"),
    "access.step_up_needed": ErrorSpec(403, 7006, True, "Prove first that it is you"),
    "access.step_up_unavailable": ErrorSpec(403, 7006, False, "There is nothing to prove it by"),
    "access.login_wrong": ErrorSpec(403, 7006, True, "The name or the password is wrong"),
    "access.second_factor_needed": ErrorSpec(403, 7006, True, "The second factor is needed too"),
    "access.second_factor_wrong": ErrorSpec(403, 7006, True, "The code of the second factor is wrong"),
    "access.second_factor_exists": ErrorSpec(409, 7022, False, "There is a second factor already"),
    "access.second_factor_not_started": ErrorSpec(409, 7022, False, "No second factor is being set up"),
    "access.clock_untrusted": ErrorSpec(503, 7022, True, "The box does not know the time just now"),
    "access.account_not_found": ErrorSpec(404, 7016, False, "There is no such account"),
    "access.account_exists": ErrorSpec(409, 7022, False, "There is such an account already"),
    "access.too_many_accounts": ErrorSpec(409, 7005, False, "There are too many accounts already"),
    "access.last_owner": ErrorSpec(409, 7022, False, "A box needs an owner"),
    "access.invitation_invalid": ErrorSpec(403, 7006, False, "The invitation is not valid"),
    "access.token_not_found": ErrorSpec(404, 7016, False, "There is no such token"),
    "access.too_many_tokens": ErrorSpec(409, 7005, False, "There are too many tokens already"),
    "access.throttled": ErrorSpec(429, 7005, True, "Too many tries"),
    # The portal link
    "portal.expired": ErrorSpec(410, 7022, False, "The command came too late"),
    "portal.restored": ErrorSpec(409, 7022, False, "The box's state was restored from a backup"),
    "portal.too_many_timers": ErrorSpec(429, 7005, True, "Too many timers run already"),
    "portal.clock_untrusted": ErrorSpec(503, 7022, True, "The box does not know the time just now"),
    "portal.vetoed": ErrorSpec(403, 7006, False, "The owner does not let the operator do this"),
    "portal.certificate_invalid": ErrorSpec(422, 7012, False, "The certificate cannot be used"),
    # Jobs
    "jobs.not_found": ErrorSpec(404, 7016, False, "There is no such job"),
    "jobs.not_running": ErrorSpec(409, 7022, False, "The job has ended"),
    "jobs.interrupted": ErrorSpec(503, 7022, True, "The job was interrupted"),
    # Settings and state
    "settings.invalid": ErrorSpec(500, 7003, False, "The settings cannot be used"),
    "store.newer_schema": ErrorSpec(500, 7003, False, "The state was written by a newer version"),
    "store.full": ErrorSpec(507, 7005, True, "The disk is full"),
    "store.busy": ErrorSpec(503, 7005, True, "The state is in use"),
    "store.corrupt": ErrorSpec(500, 7003, False, "The state is damaged"),
    # The other processes
    "helper.unavailable": ErrorSpec(503, 7003, True, "A helper process is not available just now"),
    "helper.refused": ErrorSpec(500, 7003, False, "A helper process refused a message"),
    # Wi-Fi
    "wifi.network_not_found": ErrorSpec(404, 7016, False, "There is no such network"),
    "wifi.radio_not_found": ErrorSpec(404, 7016, False, "There is no such radio"),
    "wifi.change_not_found": ErrorSpec(404, 7016, False, "There is no such change"),
    "wifi.change_open": ErrorSpec(409, 7022, True, "Another change waits for its confirmation"),
    "wifi.change_ended": ErrorSpec(409, 7022, False, "The change has ended"),
    "wifi.change_not_on_air": ErrorSpec(409, 7022, True, "The change is not on the air yet"),
    "wifi.invalid_ssid": ErrorSpec(422, 7012, False, "The network name cannot be used"),
    "wifi.invalid_passphrase": ErrorSpec(422, 7012, False, "The Wi-Fi password cannot be used"),
    "wifi.invalid_security": ErrorSpec(422, 7012, False, "The security cannot be used"),
    "wifi.invalid_bands": ErrorSpec(422, 7012, False, "The bands cannot be used"),
    "wifi.network_exists": ErrorSpec(409, 7022, False, "There is such a network already"),
    "wifi.network_needed": ErrorSpec(409, 7022, False, "This network cannot be deleted"),
    "wifi.too_many_networks": ErrorSpec(409, 7005, False, "The radio carries no more networks"),
    "wifi.risk_not_accepted": ErrorSpec(422, 7012, False, "A dangerous choice has to be accepted"),
    "wifi.key_not_found": ErrorSpec(404, 7016, False, "There is no such key"),
    "wifi.too_many_keys": ErrorSpec(409, 7005, False, "There are too many keys already"),
    "wifi.keys_unsupported": ErrorSpec(409, 7022, False, "This network has one password only"),
    "wifi.rotation_unsupported": ErrorSpec(409, 7022, False, "Two passwords at once do not work here"),
    "wifi.rotation_open": ErrorSpec(409, 7022, False, "The password is being changed over already"),
    "wifi.rotation_not_open": ErrorSpec(409, 7022, False, "The password is not being changed over"),
    "wifi.busy": ErrorSpec(429, 7005, True, "Too many changes of the Wi-Fi"),
    "wifi.radio_unavailable": ErrorSpec(503, 7022, True, "The radio is not available just now"),
    # Television
    "dvr.source_not_found": ErrorSpec(404, 7016, False, "There is no such source"),
    "dvr.source_exists": ErrorSpec(409, 7022, False, "There is such a source already"),
    "dvr.source_in_use": ErrorSpec(409, 7022, False, "Recordings need this source"),
    "dvr.source_built_in": ErrorSpec(409, 7022, False, "This source is built in"),
    "dvr.playlist_invalid": ErrorSpec(422, 7012, False, "This is not a usable playlist"),
    "dvr.playlist_too_large": ErrorSpec(422, 7005, False, "The playlist is too large"),
    "dvr.channel_not_found": ErrorSpec(404, 7016, False, "There is no such channel"),
    "dvr.channel_gone": ErrorSpec(409, 7022, False, "The channel is no longer there"),
    "dvr.recording_not_found": ErrorSpec(404, 7016, False, "There is no such recording"),
    "dvr.not_recording": ErrorSpec(409, 7022, False, "This is not being recorded"),
    "dvr.recording_over": ErrorSpec(409, 7022, False, "The time for that has passed"),
    "dvr.recording_locked": ErrorSpec(409, 7022, False, "The recording is locked"),
    "dvr.recording_in_trash": ErrorSpec(409, 7022, False, "The recording is in the trash"),
    "dvr.not_in_trash": ErrorSpec(409, 7022, False, "The recording is not in the trash"),
    "dvr.clock_untrusted": ErrorSpec(503, 7022, True, "The box does not know the time of day"),
    "dvr.too_many": ErrorSpec(409, 7005, False, "There are too many already"),
    "dvr.not_a_tuner": ErrorSpec(502, 7022, True, "The address does not answer as a network tuner"),
    "dvr.no_tuner": ErrorSpec(503, 7005, True, "All tuners are in use"),
    "dvr.source_unreachable": ErrorSpec(502, 7022, True, "The source cannot be reached"),
    "dvr.source_http_status": ErrorSpec(502, 7022, True, "The source answered with an error"),
    "dvr.source_ended": ErrorSpec(502, 7022, True, "The source ended the stream"),
    "dvr.source_stalled": ErrorSpec(502, 7022, True, "The source sends nothing"),
    "dvr.not_a_transport_stream": ErrorSpec(
        502, 7022, True, "The source does not send an MPEG transport stream"
    ),
    "dvr.nothing_to_export": ErrorSpec(409, 7022, False, "The recording holds nothing that can be exported"),
    "dvr.nothing_to_play": ErrorSpec(409, 7022, False, "There is nothing to play"),
    "dvr.playback_not_found": ErrorSpec(404, 7016, True, "This playback has ended"),
    "dvr.codec_unsupported": ErrorSpec(415, 7022, False, "Browsers do not play this picture"),
    "dvr.live_unsupported": ErrorSpec(501, 7022, False, "Live channels are not played directly"),
    "dvr.export_cancelled": ErrorSpec(409, 7022, True, "The export was cancelled"),
    "dvr.stream_encrypted": ErrorSpec(502, 7022, False, "The stream is encrypted"),
    "dvr.segments_lost": ErrorSpec(502, 7022, True, "Parts of the stream were gone before they were fetched"),
    "dvr.forbidden_address": ErrorSpec(403, 7006, False, "The address of the source is not allowed"),
    "dvr.started_late": ErrorSpec(503, 7022, True, "Recording began later than it was asked to"),
    "dvr.recorder_restarted": ErrorSpec(503, 7022, True, "The recorder was restarted"),
    "dvr.disk_full": ErrorSpec(507, 7005, True, "There is no space left for recordings"),
    "dvr.disk_failed": ErrorSpec(500, 7003, True, "The disk of the recordings does not accept data"),
    "dvr.stale_generation": ErrorSpec(409, 7022, False, "A newer desired state was sent before"),
    "dvr.segment_not_found": ErrorSpec(404, 7016, False, "There is no such segment"),
    "dvr.segment_in_use": ErrorSpec(409, 7022, True, "The segment is still being written"),
    "dvr.media_unreadable": ErrorSpec(422, 7022, False, "The recording cannot be decoded"),
    "dvr.worker_died": ErrorSpec(503, 7022, True, "The media worker ended before its job was done"),
    "dvr.worker_too_slow": ErrorSpec(504, 7022, True, "The media worker took too long"),
    # Diagnostics
    "diagnostics.run_not_found": ErrorSpec(404, 7016, False, "There is no such diagnosis"),
    "diagnostics.outage_not_found": ErrorSpec(404, 7016, False, "There is no such outage"),
    "diagnostics.series_not_found": ErrorSpec(404, 7016, False, "That is not measured"),
    "diagnostics.too_many_points": ErrorSpec(422, 7005, False, "Too many points"),
    "diagnostics.repair_failed": ErrorSpec(502, 7022, True, "The step of self-repair was not taken"),
    "diagnostics.icmp_unavailable": ErrorSpec(501, 7022, False, "The box may not send pings"),
    "diagnostics.forbidden_target": ErrorSpec(403, 7006, False, "The box does not probe this address"),
    "diagnostics.unresolved": ErrorSpec(502, 7022, True, "The name cannot be looked up"),
    "diagnostics.unreachable": ErrorSpec(502, 7022, True, "The target cannot be reached"),
    "diagnostics.no_speedtest_server": ErrorSpec(503, 7022, False, "There is no speed-test server"),
    "diagnostics.not_set": ErrorSpec(404, 7016, False, "The settings name no server for this"),
    "diagnostics.consent_needed": ErrorSpec(403, 7006, False, "Somebody at home has to agree"),
    "diagnostics.capture_not_found": ErrorSpec(404, 7016, False, "There is no such capture"),
    "diagnostics.tools_busy": ErrorSpec(429, 7005, True, "Too many tools run at once"),
    # The privileged helper
    "netd.invalid": ErrorSpec(422, 7012, False, "The helper does not accept this value"),
    "netd.no_interface": ErrorSpec(404, 7016, False, "There is no such interface"),
    "netd.interface_not_allowed": ErrorSpec(403, 7006, False, "This interface is not ours to touch"),
    "netd.interface_down": ErrorSpec(409, 7022, True, "The interface is down"),
    "netd.not_supported": ErrorSpec(501, 7022, False, "The box cannot do this"),
    "netd.busy": ErrorSpec(503, 7005, True, "The helper is busy with the same thing"),
    "netd.failed": ErrorSpec(500, 7022, True, "The kernel refused"),
    # Upkeep
    "upkeep.bundle_not_found": ErrorSpec(404, 7016, False, "There is no such support bundle"),
    "upkeep.power_unavailable": ErrorSpec(503, 7022, True, "The machine cannot be restarted just now"),
    "upkeep.restart_refused": ErrorSpec(409, 7022, True, "Not restarted"),
    "upkeep.too_many_restarts": ErrorSpec(429, 7005, True, "Restarted too often"),
    "upkeep.target_unavailable": ErrorSpec(409, 7022, False, "That cannot be restarted here"),
}


class GatewayError(Exception):
    """A refusal with a stable dotted `code`, a sentence a person can act on, and the field at fault.

    `retry_after` is in seconds. A code outside the table is a programming error: KeyError.
    """

    def __init__(
        self, code: str, detail: str, *, field: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.field = field
        self.retry_after = retry_after
        self.spec = ERRORS[code]


class InvalidField(GatewayError):
    """A value outside its limits; the sentence names the limit, never a secret value."""

    def __init__(self, field: str, detail: str, *, code: str = "request.invalid_field") -> None:
        super().__init__(code, detail, field=field)


class Crash(GatewayError):
    """What a caller sees of a defect: the id under which the log holds the traceback."""

    def __init__(self, identifier: str) -> None:
        super().__init__(
            "operation.crashed", f"This is a defect of ours. Please report it with the id {identifier}."
        )
        self.id = identifier
