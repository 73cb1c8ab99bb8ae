"""One device of the site as its driver wants it: an exchange with all that it switches, a set point.

Loaded only where a floor has one. Secrets are filled in by whoever starts the driver; it must not open a connection.
"""

from typing import TYPE_CHECKING

from config.emergency import numbers_of
from config.model_devices import Exchange
from config.model_outputs import AmiOutput, SetpointOutput, Switch
from config.model_site import Site
from drivers import modbus_write
from drivers.ami_account import Account
from drivers.pbx_config import Action, PbxConfig
from drivers.pbx_trunks import Trunk

if TYPE_CHECKING:
    import ssl

_ROLES = {
    Switch.OUTBOUND: "outbound_paused",
    Switch.BACKUP: "trunk_backup",
    Switch.SURGE: "surge_announcement",
    Switch.MEMBERS: "members_paused",
    Switch.AGENTS: "agents_moved",
}


def setpoint_place(output: SetpointOutput) -> modbus_write.SetpointOutput:
    """One set point as its driver wants it."""
    return modbus_write.SetpointOutput(
        device=output.unit, point=output.point, raised=output.raised_c, usual=output.usual_c
    )


def pbx_config(site: Site, exchange: Exchange, *, secret: str, tls: "ssl.SSLContext | None") -> PbxConfig:
    """One exchange as its driver wants it."""
    switches = {
        output.switch: output.id
        for output in site.output
        if output.port == "exchange" and output.exchange == exchange.id
    }
    states = {
        Switch.OUTBOUND: exchange.outbound_gate,
        Switch.BACKUP: exchange.backup_gate,
        Switch.SURGE: exchange.surge_gate,
    }
    wired = {switch: f"Custom:{state}" if switch in switches else "" for switch, state in states.items()}
    return PbxConfig(
        name=exchange.id,
        account=Account(
            host=exchange.host, port=exchange.port, user=exchange.user, secret=secret, tls=tls,
            answer_ms=exchange.timeout_ms,
        ),
        trunks=tuple(
            Trunk(
                name=trunk.name,
                endpoint=trunk.endpoint,
                aor=trunk.aor or "",
                groups=trunk.counted_in,
                capacity=trunk.capacity,
                registration=trunk.registration or "",
            )
            for trunk in exchange.trunks
        ),
        gate=wired[Switch.OUTBOUND],
        failover=wired[Switch.BACKUP],
        surge=wired[Switch.SURGE],
        names={_ROLES[switch]: output for switch, output in switches.items()},
        emergency_group=exchange.emergency_group,
        emergency_numbers=numbers_of(exchange),
        desk_context=exchange.desk_context,
        dial_test=exchange.dial_test or "",
        timer_b_ms=exchange.timer_b_ms,
        queues=exchange.queues,
        pause_queues=exchange.pause_queues if Switch.MEMBERS in switches else (),
        agents_from=exchange.agents_from if Switch.AGENTS in switches else (),
        agents_to=exchange.agents_to or "",
        agents_penalty=exchange.agents_penalty,
        actions=_actions(site, exchange),
        period_ms=exchange.fast_ms,
    )  # fmt: skip


def _actions(site: Site, exchange: Exchange) -> tuple[Action, ...]:
    return tuple(
        Action(output=one.id, on=one.pause, off=one.resume, look=one.look, on_value=one.paused)
        for one in site.output
        if isinstance(one, AmiOutput) and one.exchange == exchange.id
    )
