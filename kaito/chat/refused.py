"""What to ask after the server refused a request because it does not fit the context window. Pure but for the window.

vLLM stops counting a prompt that leaves no room for the reply, so its refusal holds only a lower bound of the size,
which says what the reply's budget was and nothing about the prompt. Without a budget, the same server gives a reply all
that remains of the window. So that is asked for next, unless it may be less than the floor and turns can be left out
instead: then a guess of the size grows, in steps that grow, too, until the request fits.
"""

from __future__ import annotations

from kaito.chat.window import FLOOR, Measure, characters, message_too_long
from kaito.errors import InferenceError
from kaito.values import TYPE_CHECKING

if TYPE_CHECKING:
    from kaito.chat.window import Draft, Messages, Plan, Window
    from kaito.model.errors import WindowExceeded

# Characters of a token in ordinary text, for a prompt of which nothing was ever measured.
_CHARACTERS_PER_TOKEN = 4


def smaller_plan(window: Window, refusal: WindowExceeded, plan: Plan, draft: Draft) -> Plan:
    """Return the request to try after the server refused `plan`, and note in `window` what the refusal says.

    Each one is smaller than the one before, whatever the server says, so that they come to an end. Raises
    InferenceError when nothing is left to shrink.
    """
    window.size = refusal.window or window.size
    nothing_left = window.left_out == len(draft.conversation.turns)
    can_take_the_rest = refusal.at_least and plan.max_tokens and refusal.prompt < window.size
    if can_take_the_rest and (nothing_left or window.surely_fits(draft, draft.shortest_reply)):
        # It is shorter than the reply that was refused, and the longest that turns need not be left out for.
        return plan._replace(max_tokens=0)
    window.used = 0
    if refusal.at_least:
        window.measured = raised(window.measured, refusal.prompt, plan.messages)
        if nothing_left and refusal.prompt >= window.size:
            raise _too_long_alone(window, plan.messages, refusal.prompt)
    elif refusal.prompt:
        window.measured = Measure(refusal.prompt, characters(plan.messages))
    fitted = window.fit(draft)
    return fitted if fitted.extent < plan.extent else _shrunk(window, refusal, plan, draft)


def raised(measured: Measure, bound: int, messages: Messages) -> Measure:
    """Return a guess for messages of at least `bound` tokens.

    One that was too low grows by a sixteenth, then by an eighth, and so on: a small error costs little of the window,
    and a large one few requests (after six, a guess is 13 times as large).
    """
    guess, guesses = measured.scaled_to(messages), measured.guesses
    if not guess:
        guess, guesses = characters(messages) // _CHARACTERS_PER_TOKEN, 2
    if guess < bound:
        guess = max(bound, guess + (guess << guesses) // 16)
    return Measure(guess, characters(messages), guesses + 1)


def _too_long_alone(window: Window, messages: Messages, bound: int) -> InferenceError:
    """Return the error for a prompt of at least `bound` tokens that fills the window without any turns."""
    tokens = window.prompt_tokens(messages)
    counted = window.measured.is_of(messages) and tokens >= bound
    return message_too_long(window.size, tokens if counted else bound, at_least=not counted)


def _shrunk(window: Window, refusal: WindowExceeded, plan: Plan, draft: Draft) -> Plan:
    """Return a smaller request where no numbers help: half the reply, or else three quarters of the turns."""
    if plan.max_tokens > FLOOR:
        window.accepted_reply = max(FLOOR, plan.max_tokens // 2)
        return plan._replace(max_tokens=window.accepted_reply)
    kept = len(draft.conversation.turns) - window.left_out
    if not kept:
        raise InferenceError(refusal.message, refusal.hint)
    window.left_out += (kept + 3) // 4
    return draft.plan(window.left_out, plan.max_tokens)
