"""What the household set on a radio, against what the radio can: pure."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from gatewayd.errors import InvalidField
from gatewayd.system.nl80211 import PhyFacts
from gatewayd.wifi.channels import check_channel, check_country, check_width, knows_rules
from gatewayd.wifi.driver import Networks
from gatewayd.wifi.model import RadioTuning, WifiImpact
from gatewayd.wifi.render import AUTO, RadioSettings


def installed(settings: RadioSettings) -> RadioTuning:
    """A radio's settings as the tuning that nobody has changed."""
    return RadioTuning(
        radio=settings.radio,
        revision=0,
        band=settings.band,
        channel=settings.channel,
        width=settings.width,
        country=settings.country,
    )


def tuned(settings: RadioSettings, tuning: RadioTuning | None) -> RadioSettings:
    """The settings as installed with what the household set on them."""
    if tuning is None:
        return settings
    return msgspec.structs.replace(
        settings, band=tuning.band, channel=tuning.channel, width=tuning.width, country=tuning.country
    )


def check_tuning(tuning: RadioTuning, facts: PhyFacts | None) -> None:
    """Raises InvalidField on what the radio cannot, or may not in its country.

    Where the kernel still tells another country's rules, only what the radio can is looked at.
    """
    check_country(tuning.band, tuning.country)
    if facts is None:
        return
    there = sorted({one.number for one in facts.channels if one.band == tuning.band})
    if not there:
        raise InvalidField("band", f"This radio does not carry {tuning.band} GHz.")
    if tuning.channel != AUTO:
        if knows_rules(facts, tuning.country):
            check_channel(facts, tuning.band, tuning.channel)
        elif tuning.channel not in there:
            numbers = ", ".join(str(number) for number in there)
            raise InvalidField(
                "channel", f"This radio has no channel {tuning.channel} on {tuning.band} GHz ({numbers})."
            )
    check_width(facts, tuning.band, tuning.channel, tuning.width)


class SetByOthers:
    """The part of a driver whose radios the system sets up (see `driver.Driver`)."""

    def tuning(self, radio: str) -> RadioTuning | None:
        return None

    def check_tuning(self, tuning: RadioTuning) -> None:
        raise InvalidField("radio", "The system sets this radio up: it is not changed here.")

    def tuning_impact(self, tuning: RadioTuning, networks: Networks, stations: int) -> WifiImpact:
        raise InvalidField("radio", "The system sets this radio up: it is not changed here.")

    def tune(self, tunings: Mapping[str, RadioTuning]) -> None:
        return
