"""Find the bug, CutMix: the solution, changed."""

from parity_tests.exercise_files.specimens import Right, Wrong

SOLUTION = "exercises/bug_cutmix/solutions/bug_cutmix_torch.py"

SHARE = "1 - (bottom - top) * (right - left) / (height * width)"
WEIGHT = f"    weight = {SHARE}  # of the box as it is\n"
PASTED = "    mixed[:, :, top:bottom, left:right] = images[partner, :, top:bottom, left:right]\n"
MIXED = f"    mixed = images.clone()\n{PASTED}"
LABELS = "weight * rows + (1 - weight) * rows[partner]"
CENTRE = "row, column = rng.integers(height), rng.integers(width)\n"
SIDES = """\
    half_height = int(height / 2 * math.sqrt(1 - weight))
    half_width = int(width / 2 * math.sqrt(1 - weight))
"""


def right(name, *changes):
    return Right(name, "", SOLUTION, changes)


def wrong(name, says, *changes):
    return Wrong(name, "", SOLUTION, changes, todo="bug", says=says)


def its_weight(text):
    return (WEIGHT, f"    weight = {text}\n")


SPECIMENS = [
    right(
        "mask",
        (
            MIXED,
            "    mask = torch.zeros(height, width)\n"
            "    mask[top:bottom, left:right] = 1\n"
            "    mixed = mask * images[partner] + (1 - mask) * images\n",
        ),
        its_weight("1 - mask.mean()"),
    ),
    right(
        "where",
        (
            MIXED,
            "    outside = torch.ones(height, width, dtype=torch.bool)\n"
            "    outside[top:bottom, left:right] = False\n"
            "    mixed = torch.where(outside, images, images[partner])\n",
        ),
        its_weight("outside.float().mean().item()"),
    ),
    right(
        "torch_lerp",
        (LABELS, "torch.lerp(rows[partner], rows, weight)"),
    ),
    right(
        "share_of_the_slice",
        its_weight("1 - mixed[0, 0, top:bottom, left:right].numel() / mixed[0, 0].numel()"),
    ),
    right(
        "clipped_by_numpy",
        (
            "top, bottom = max(row - half_height, 0), min(row + half_height, height)",
            "top, bottom = np.clip([row - half_height, row + half_height], 0, height)",
        ),
        its_weight("float(1 - (bottom - top) / height * ((right - left) / width))"),
    ),
    right(
        "in_place_of_its_own_rows",
        (LABELS, "torch.add(rows, rows[partner] - rows, alpha=1 - weight)"),
    ),
    wrong(
        "before_cutting",
        "before it is cut off",
        its_weight("1 - 4 * half_height * half_width / (height * width)"),
    ),
    wrong("swapped", "swapped", its_weight("(bottom - top) * (right - left) / (height * width)")),
    wrong(
        "all_channels",
        "all channels",
        its_weight(SHARE.replace("(height * width)", "images[0].numel()")),
    ),
    wrong("a_square", "height squared", its_weight(SHARE.replace("height * width", "height**2"))),
    wrong("rounded", "rounded to 0 or 1", its_weight(f"round({SHARE})")),
    wrong("one_side", "share of one side", its_weight("1 - (bottom - top) / height")),
    wrong("labels_left", "not mixed", (LABELS, "rows")),
    wrong("half_and_half", "half and half", its_weight("0.5")),
    wrong(
        "by_colours",
        "depend on the colours",
        its_weight("(mixed == images).float().mean(dim=(1, 2, 3))[:, None]"),
    ),
    wrong(
        "other_partner",
        "with that of another image",
        (LABELS, LABELS.replace("rows[partner]", "rows.flip(0)")),
    ),
    wrong("in_place", "changes in place", ("images.clone()", "images")),
    wrong(
        "kept_inside",
        "no box is cut off",
        (
            SIDES,
            SIDES + "    row = min(max(row, half_height), height - half_height)\n"
            "    column = min(max(column, half_width), width - half_width)\n",
        ),
    ),
    wrong(
        "mixup",
        "Pixels are blended",
        (PASTED, "    mixed = 0.5 * images + 0.5 * images[partner]\n"),
    ),
    wrong("drawn_anew", "not mixed as the pixels", its_weight("rng.beta(alpha, alpha)")),
    wrong("nothing_pasted", "hardly anything", (PASTED, ""), its_weight("1.0")),
]
