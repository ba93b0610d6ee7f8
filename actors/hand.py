"""The letters that an actor has in hand: taken from its mailbox, and not yet done with.

Here is decided what happens to them when the actor dies or is replaced: those that were begun are
lost and their senders are told, the others go back to the mailbox for the next incarnation.
"""

from collections.abc import Callable, Iterable, Sequence

from ..core.clock import Clock
from .mailbox import Letter, Mailbox


class Hand:
    """Takes letters from a mailbox, one batch at a time, until it is fenced.

    All changes happen under the mailbox's own lock, so that a letter is always either in the
    mailbox, in one hand, or settled.

    Attributes:
        mailbox: where letters come from, and go back to.
        fenced: whether this hand was given up: nothing may be taken or begun any more.
        stop_requests: pykka's requests to stop, answered when the actor has ended.
    """

    def __init__(self, mailbox: Mailbox) -> None:
        self.mailbox = mailbox
        self.fenced = False
        self.stop_requests: list[Letter] = []
        self._letters: Sequence[Letter] = ()
        self._whole = False
        self._company = 0

    def take(
        self, limit: int, patience: float | None, clock: Clock, until: Callable[[], bool]
    ) -> bool:
        """Take the next batch, up to a request to stop; whether anything was found.

        Args:
            limit: most letters to take.
            patience: seconds to wait for the first one, None for no limit.
            clock: what measures the wait.
            until: once it is true, nothing is taken.
        """
        with self.mailbox.condition:
            taken = self.mailbox.take(limit, patience, clock, until, self._company)
            self._company = sum(letter.reply_to is not None for letter in taken)
            self._letters = self._up_to_stop_request(taken)
        return bool(taken)

    def open(self, *, as_a_whole: bool) -> Sequence[Letter]:
        """The letters to be handled now; none when they were taken away meanwhile.

        Args:
            as_a_whole: the batch is handled as one, so that all of it is begun from now on,
                unless the actor begins letters by name.
        """
        with self.mailbox.condition:
            self._whole = as_a_whole
            return self._letters

    def begin(self, letter: Letter) -> bool:
        """Note that a letter is being handled; False when it must not be."""
        with self.mailbox.condition:
            if not self.fenced:
                letter.begun = True
            return not self.fenced

    def begin_all(self, letters: Iterable[Letter]) -> bool:
        """Note that these letters are being handled together; False when they must not be."""
        with self.mailbox.condition:
            if not self.fenced:
                for letter in letters:
                    letter.begun = True
            return not self.fenced

    def close(self) -> None:
        """Be done with the batch."""
        with self.mailbox.condition:
            self._letters, self._whole = (), False

    def release(self) -> list[Letter]:
        """Return to the mailbox what was not begun; the letters that are lost."""
        with self.mailbox.condition:
            letters, whole = self._letters, self._whole
            self.close()
            lost = [letter for letter in letters if letter.begun]
            if whole and not lost:
                return list(letters)
            self.mailbox.put_back(letter for letter in letters if not letter.begun)
            return lost

    def fence(self) -> list[Letter]:
        """Take nothing any more, and release what is in hand; the letters that are lost."""
        with self.mailbox.condition:
            self.fenced = True
            lost = self.release()
            self.mailbox.wake()
            return lost

    def _up_to_stop_request(self, letters: list[Letter]) -> list[Letter]:
        for index, letter in enumerate(letters):
            if letter.is_control:
                self.stop_requests.append(letter)
                self.mailbox.put_back(letters[index + 1 :])
                return letters[:index]
        return letters
