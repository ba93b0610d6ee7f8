"""How a program offers its functions: handlers that are called, listeners that hear of events."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from .core.errors import InvalidTask
from .core.handlers import Handler, Handlers, choose_lane
from .core.options import policy_with
from .core.policy import Policy
from .core.published import Listener, make_listener

Function = TypeVar("Function", bound=Callable[..., Any])


class Registration:
    """The verbs by which functions become known to a scheduler."""

    handlers: Handlers
    policy: Policy
    listeners: list[Listener]

    def handler(
        self,
        key: str,
        *,
        aliases: Iterable[str] = (),
        validate: Callable[..., Any] | None = None,
        executor: str | None = None,
        **policy: Any,
    ) -> Callable[[Function], Function]:
        """Register a function under a key: `@app.handler("report.build", timeout="5m")`.

        It is called as `function(ctx, *args, **kwargs)` with a `RunContext` first.

        Args:
            key: the name that is stored with tasks; it may stay when the function is renamed.
            aliases: former keys that still reach it.
            validate: called with the arguments when a task is scheduled; raising refuses it.
            executor: "threads"; "asyncio", the default of `async def`; or "processes" for what
                computes for long, may crash, or must be killed at its timeout.
            policy: defaults for tasks that call it, as in `schedule`.
        """
        policy_with(self.policy, policy)

        def register(function: Function) -> Function:
            lane = choose_lane(key, function, executor)
            self.handlers.register(Handler(key, function, policy, validate, lane), aliases)
            return function

        return register

    def register(self, handler: Any, *, aliases: Iterable[str] = (), **policy: Any) -> None:
        """Register an object as a handler.

        Its `task_type` (an attribute, or a method without arguments) is the key. Its
        `execute(ctx, payload)` is called, `def` or `async def`; to publish something it returns a
        `TaskEvent`. With `validate(payload)` it may refuse what is scheduled, by raising.

        Args:
            handler: the object, not its class.
            aliases: former keys that still reach it.
            policy: defaults for tasks that call it, as in `schedule`.

        Raises:
            InvalidTask: it lacks something, or its key is taken.
        """
        kind = getattr(handler, "task_type", None)
        key, execute = kind() if callable(kind) else kind, getattr(handler, "execute", None)
        if isinstance(handler, type) or not isinstance(key, str) or not callable(execute):
            raise InvalidTask(
                f"{handler!r:.100} is no handler: register an object (not a class) that has"
                " task_type and execute(ctx, payload)"
            )
        validate = getattr(handler, "validate", None)
        self.handler(key, aliases=aliases, validate=validate, **policy)(execute)

    def on(
        self, *event_types: str, name: str | None = None, replay: bool = False
    ) -> Callable[[Function], Function]:
        """Hear what handlers publish: `@app.on("report_generated")`, before `start`.

        The function is called with a `Published`, in order for each task, at least once: after a
        crash, or when it raised, the same event (the same `id`) is told again. How far it has
        heard is stored under its name.

        Args:
            event_types: what to hear of.
            name: to be remembered by; default the function's own, "module:function".
            replay: whether a new listener first hears of everything that is in the log.

        Raises:
            InvalidTask: no event is named, or the name is taken.
        """

        def listen(function: Function) -> Function:
            listener = make_listener(event_types, function, name, replay=replay)
            if any(known.name == listener.name for known in self.listeners):
                raise InvalidTask(f"the listener {listener.name!r} exists: say name='another'")
            self.listeners.append(listener)
            return function

        return listen
