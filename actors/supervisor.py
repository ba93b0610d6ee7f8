"""The supervisor: starts its children in order, replaces those that die, stops them in reverse.

It follows Erlang/OTP's supervisor. What threads need on top: a child that does not end in time is
given up (fenced and counted) because no thread can be killed, and restarts may be spaced out by a
`Backoff`. While a restart waits for its time, the supervisor answers everybody.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from loguru import logger
from pykka import ActorRef

from ..core.clock import SECOND, Clock
from ..core.errors import (
    ChildExists,
    ChildRestarting,
    ChildRunning,
    Hung,
    InvalidChild,
    InvalidMessage,
    RestartsExhausted,
    StartFailed,
    TocsinError,
    UnknownChild,
)
from ..core.hints import did_you_mean
from .base import Actor, describe
from .child import Child, ChildSpec
from .messages import (
    ChildCounts,
    ChildDown,
    ChildInfo,
    CountChildren,
    DeleteChild,
    GetChildSpec,
    Reason,
    RestartChild,
    StartChild,
    TerminateChild,
    WhichChildren,
)
from .nursery import Nursery
from .restarts import RestartBudget
from .strategies import Flags, concerned


class Supervisor(Actor):
    """Keeps its children alive. Supervisors are actors and may be children.

    Args:
        specs: the children, in start order; under `simple_one_for_one` the one template.
        flags: how they are treated. Default: OTP's.
        clock: what restarts and backoff are timed by.

    Attributes:
        failure: why it gave up, None while it has not.

    Raises:
        InvalidChild: the specifications contradict each other or the flags.
    """

    forgives = (InvalidMessage, InvalidChild, StartFailed)

    def __init__(
        self,
        specs: Iterable[ChildSpec] = (),
        flags: Flags | None = None,
        *,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(clock=clock)
        self.flags = flags or Flags()
        self.failure: RestartsExhausted | None = None
        self._specs = tuple(specs)
        self._children: dict[str, Child] = {}
        self._nursery = Nursery(self)
        self._wake_at: int | None = None
        self._budget = RestartBudget(self.flags.intensity, self.flags.period)
        self.vitals.budget = self._budget
        self._check_all()
        self._answers: dict[type, Callable[[Any], Any]] = {
            StartChild: self._start_child,
            TerminateChild: self._terminate_child,
            RestartChild: self._restart_child,
            DeleteChild: self._delete_child,
            GetChildSpec: lambda message: self._find(message.id).spec,
            WhichChildren: lambda _: [child.to_info() for child in self._children.values()],
            CountChildren: lambda _: self._count(),
            ChildDown: self._child_down,
        }

    # ------------------------------------------------------------ its life as an actor

    def on_start(self) -> None:
        """Start the children in order; if one fails, stop those that run and fail too."""
        for spec in () if self.flags.is_dynamic else self._specs:
            if self._must_end():
                return  # stopped before all had started
            child = self._children[spec.id] = Child(spec)
            try:
                self._start(child)
            except BaseException:
                self._nursery.stop(self._children.values())
                logger.error("{}: child {} did not start", self.name, spec.id)
                raise
        kept = {child.spec.name for child in self._children.values()}
        for name in self.registry.owned_by(self.name):
            if name not in kept:  # from a former life of this supervisor
                self.registry.forget(name)

    def on_stop(self, reason: Reason = "normal") -> None:
        """Stop the children in reverse order, however this supervisor ends."""
        self._nursery.stop(self._children.values(), together=self.flags.is_dynamic)
        logger.debug("{} has stopped its children: {}", self.name, describe(reason))

    def fence(self) -> None:
        """Give this supervisor up, with all below it."""
        super().fence()
        for child in list(self._children.values()):
            if (actor := child.actor) is not None:
                actor.fence()

    def handle(self, message: Any) -> Any:
        """Answer an administrator, or take care of a child that is down."""
        answer = self._answers.get(type(message))
        return super().handle(message) if answer is None else answer(message)

    def patience(self) -> float | None:
        """Seconds until the next restart is due."""
        if self._wake_at is None:
            return None
        return max(0, self._wake_at - self.clock.monotonic()) / SECOND

    def idle(self) -> None:
        """Start the children whose time has come; a message may be answered between two tries."""
        now, self._wake_at = self.clock.monotonic(), None
        waiting = [child for child in self._children.values() if child.due_at is not None]
        for child in waiting:
            if child.due_at is None or child.due_at > now:
                continue
            if not self._start_again(child) and self.flags.restarts_groups:
                break  # those after it have a new time
        self._note_next_restart(waiting)

    def _note_next_restart(self, children: Iterable[Child]) -> None:
        moments = [child.due_at for child in children if child.due_at is not None]
        if self._wake_at is not None:
            moments.append(self._wake_at)
        self._wake_at = min(moments, default=None)

    # ------------------------------------------------------------ restarts

    def _child_down(self, down: ChildDown) -> None:
        child = self._children.get(down.id)
        if child is None or child.actor is None or child.incarnation != down.incarnation:
            return  # about an earlier life, or one that was ended on purpose
        if child.actor.actor_ref.is_alive() or isinstance(down.reason, Hung):
            self._nursery.give_up(child.actor)
        child.actor = None
        if child.is_restarted_after(down.reason):
            self._plan_restart(child, down.reason)
            return
        logger.info("{}: child {} ended: {}", self.name, child.spec.id, describe(down.reason))
        self._let_go(child, f"has ended: {describe(down.reason)}")
        if child.spec.significant and self._must_follow():
            logger.info("{} follows its significant child {}", self.name, child.spec.id)
            self.stop("shutdown")

    def _plan_restart(self, child: Child, reason: Reason) -> None:
        """Count a death, stop those it concerns, and note when they start again."""
        now = self.clock.monotonic()
        left = self._budget.spend(now, child.spec.name)
        if left < 0:
            self._surrender(child, reason)
            return
        delay = self._pause_before(child, now)
        group = self._stop_concerned(child)
        for sibling in group:
            sibling.due_at = now + round(delay * SECOND)
        self._note_next_restart(group)
        logger.warning(
            "{}: child {} is down ({}): {} restart in {:.3g} s; {} more within {:g} s",
            self.name,
            child.spec.id,
            describe(reason),
            self.flags.strategy,
            delay,
            left,
            self.flags.period,
        )

    def _stop_concerned(self, failed: Child) -> list[Child]:
        """Stop the siblings that `failed` takes with it; all that will start again."""
        if not self.flags.restarts_groups:
            return [failed]
        ids = concerned(self.flags.strategy, list(self._children), failed.spec.id)
        group = [self._children[child_id] for child_id in ids]
        self._nursery.stop(group)
        for child in group:
            if child.spec.restart == "temporary":
                self._let_go(child, f"has ended with {failed.spec.name!r}")
        return [child for child in group if child.spec.id in self._children]

    def _pause_before(self, child: Child, now: int) -> float:
        backoff = self.flags.backoff
        if backoff is None:
            return 0.0
        if now - child.started_at >= backoff.reset_after * SECOND:
            child.failures = 0
        child.failures += 1
        return backoff.delay(child.failures - 1)

    def _start_again(self, child: Child) -> bool:
        child.restarts += 1
        try:
            self._start(child)
        except TocsinError as error:
            child.started_at = self.clock.monotonic()  # it has not lived
            self._plan_restart(child, error)
            return False
        return True

    def _start(self, child: Child) -> None:
        """Start a child; one that wants to be ignored stays stopped, or is not kept at all."""
        if self._nursery.start(child):
            logger.debug("{}: child {} runs", self.name, child.spec.id)
        elif child.spec.restart == "temporary" or self.flags.is_dynamic:
            self._let_go(child, "is not needed")
        else:
            self._nursery.retire(child, "is not needed")

    def _surrender(self, child: Child, reason: Reason) -> None:
        self.failure = RestartsExhausted(
            f"{self.name!r} gave up: child {child.spec.id!r} went down once more "
            f"({describe(reason)}), and only {self.flags.intensity} restarts are allowed "
            f"within {self.flags.period:g} s"
        )
        self.failure.__cause__ = reason if isinstance(reason, BaseException) else None
        self.stop("shutdown")
        logger.error("{}", self.failure)

    def _let_go(self, child: Child, why: str) -> None:
        """Free a child's name, and forget the child itself unless it may be started again."""
        if child.spec.restart == "temporary" or self.flags.is_dynamic:
            self._children.pop(child.spec.id, None)
        self._nursery.retire(child, why)

    def _must_follow(self) -> bool:
        if self.flags.auto_shutdown != "all_significant":
            return self.flags.auto_shutdown == "any_significant"
        others = self._children.values()
        return all(child.state == "stopped" for child in others if child.spec.significant)

    # ------------------------------------------------------------ administration

    def _start_child(self, message: StartChild) -> ChildInfo:
        spec = self._spec_for(message)
        known = self._children.get(spec.id)
        if known is not None:
            hint = "" if known.state == "running" else ": restart it, or delete it first"
            raise ChildExists(
                f"{self.name!r} has a child {spec.id!r}, which is {known.state}{hint}"
            )
        self._check(spec)
        child = self._children[spec.id] = Child(spec)
        try:
            self._start(child)
        except BaseException:
            del self._children[spec.id]
            self._nursery.retire(child, "could not start")
            raise
        return child.to_info()

    def _spec_for(self, message: StartChild) -> ChildSpec:
        if not self.flags.is_dynamic:
            if not isinstance(message.spec, ChildSpec) or message.args:
                raise InvalidChild(f"{self.name!r} starts children from a ChildSpec, without args")
            return message.spec
        if message.spec is not None:
            raise InvalidChild(f"{self.name!r} is simple_one_for_one: pass args for its template")
        template = self._specs[0]
        new_id = f"{template.id}-{self.registry.next_incarnation()}"
        return replace(
            template, id=new_id, name=new_id, start=partial(template.start, *message.args)
        )

    def _terminate_child(self, message: TerminateChild) -> None:
        child = self._find(message.id)
        self._nursery.stop([child])
        self._let_go(child, "was terminated")

    def _restart_child(self, message: RestartChild) -> ChildInfo:
        child = self._find_static(message.id)
        self._refuse_unless_stopped(child)
        try:
            self._start(child)
        except TocsinError:
            self._nursery.retire(child, "could not start")
            raise
        return child.to_info()

    def _delete_child(self, message: DeleteChild) -> None:
        child = self._find_static(message.id)
        self._refuse_unless_stopped(child)
        del self._children[child.spec.id]

    def _refuse_unless_stopped(self, child: Child) -> None:
        if child.state == "running":
            raise ChildRunning(f"child {child.spec.id!r} runs: terminate it first")
        if child.state == "restarting":
            raise ChildRestarting(f"child {child.spec.id!r} is being restarted: terminate it first")

    def _find(self, wanted: str | ActorRef[Any]) -> Child:
        if isinstance(wanted, ActorRef):
            for child in self._children.values():
                if child.actor is not None and child.actor.actor_urn == wanted.actor_urn:
                    return child
            raise UnknownChild(f"{wanted} is not a child of {self.name!r}")
        child_or_none = self._children.get(wanted)
        if child_or_none is None:
            hint = did_you_mean(wanted, self._children)
            raise UnknownChild(f"{self.name!r} has no child {wanted!r}{hint}")
        return child_or_none

    def _find_static(self, child_id: str) -> Child:
        if self.flags.is_dynamic:
            raise InvalidChild(
                f"{self.name!r} is simple_one_for_one: its children are started and terminated only"
            )
        return self._find(child_id)

    def _count(self) -> ChildCounts:
        children = list(self._children.values())
        supervisors = sum(child.spec.type == "supervisor" for child in children)
        return ChildCounts(
            specs=1 if self.flags.is_dynamic else len(children),
            active=sum(child.state == "running" for child in children),
            supervisors=supervisors,
            workers=len(children) - supervisors,
            abandoned=self._nursery.abandoned,
        )

    # ------------------------------------------------------------ validation

    def _check_all(self) -> None:
        if self.flags.is_dynamic and len(self._specs) != 1:
            raise InvalidChild("simple_one_for_one takes exactly one ChildSpec: the template")
        for field, values in (
            ("id", [self._check(spec).id for spec in self._specs]),
            ("name", [spec.name for spec in self._specs]),
        ):
            if doubles := _doubles(values):
                raise InvalidChild(f"two children have the same {field}: {', '.join(doubles)}")

    def _check(self, spec: ChildSpec) -> ChildSpec:
        if not isinstance(spec, ChildSpec):
            raise InvalidChild(f"a child is described by a ChildSpec, not {spec!r}")
        if spec.significant and self.flags.auto_shutdown == "never":
            raise InvalidChild(
                f"child {spec.id!r} is significant, but auto_shutdown is never: "
                "choose any_significant or all_significant"
            )
        return spec


def _doubles(words: Sequence[str]) -> list[str]:
    return sorted({word for word in words if words.count(word) > 1})
