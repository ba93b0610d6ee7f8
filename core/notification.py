"""What a person is told: one value for every channel."""

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from .errors import InvalidTask
from .hints import did_you_mean

Priority = Literal["lowest", "low", "normal", "high", "emergency"]

REMIND = "tocsin.remind"
"""The handler key under which reminders are stored."""


@dataclass(frozen=True, slots=True)
class Notification:
    """A message to a person. Channels use what they can show and ignore the rest.

    Attributes:
        message: the text, never empty.
        title: shown above the message.
        priority: `emergency` repeats until somebody acknowledges it, where the channel can.
        sound: the channel's own name of a sound.
        url: a link shown with the message.
        url_title: its text.
        html: whether the message is HTML.
        ttl: seconds after which the message may vanish, None to keep it.
        device: the devices to reach, empty for all.
        attachment: path of an image file to attach.
        retry: seconds between repetitions of an emergency, at least 30. Default 60.
        expire: seconds after which an emergency is no longer repeated. Default 3,600.
    """

    message: str
    title: str | None = None
    priority: Priority = "normal"
    sound: str | None = None
    url: str | None = None
    url_title: str | None = None
    html: bool = False
    ttl: int | None = None
    device: tuple[str, ...] = ()
    attachment: str | None = None
    retry: int = 60
    expire: int = 3600

    def __post_init__(self) -> None:
        """Refuse what no channel could deliver."""
        if not self.message or not self.message.strip():
            raise InvalidTask("a notification needs a message")
        if self.priority not in get_args(Priority):
            hint = did_you_mean(self.priority, get_args(Priority))
            choices = ", ".join(get_args(Priority))
            raise InvalidTask(f"priority must be one of {choices}, not {self.priority!r}{hint}")

    def to_dict(self) -> dict[str, Any]:
        """The JSON form: only what differs from the defaults."""
        defaults = {f.name: f.default for f in fields(self)}
        return {k: v for k, v in asdict(self).items() if v != defaults[k]}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Notification":
        """The value behind `to_dict`.

        Raises:
            InvalidTask: an unknown option or a missing message.
        """
        names = [f.name for f in fields(cls)]
        for name in data:
            if name not in names:
                raise InvalidTask(f"unknown option {name!r}{did_you_mean(name, names)}")
        if "message" not in data:
            raise InvalidTask("a notification needs a message")
        device = data.get("device", ())
        devices = (device,) if isinstance(device, str) else tuple(device)
        return cls(**{**data, "device": devices})
