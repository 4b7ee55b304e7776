"""Small files in the layouts of the hub data sets."""

import io

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

#: How the hub stores an image column.
HUB_IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def png(color, mode="RGB"):
    stream = io.BytesIO()
    Image.new(mode, (4, 3), color).save(stream, "PNG")
    return stream.getvalue()


def jpeg(shade=0):
    stream = io.BytesIO()
    Image.new("L", (4, 3), shade).save(stream, "JPEG")
    return stream.getvalue()


def hub_parquet(path, rows, row_group_size=2):
    """Write rows as the hub does; ``image`` holds bytes or None."""
    columns = {name: pa.array([row[name] for row in rows]) for name in rows[0] if name != "image"}
    images = [row["image"] and {"bytes": row["image"], "path": "x.png"} for row in rows]
    columns["image"] = pa.array(images, type=HUB_IMAGE)
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path, row_group_size=row_group_size)


def pope_rows(split, images=("COCO_val2014_000000000042", "COCO_val2014_000000000073")):
    return [
        {
            "id": str(number),
            "question_id": str(number + 1),
            "question": f"Is there a {noun} in the image?",
            "answer": answer,
            "image_source": source,
            "image": png(color),
            "category": split,
        }
        for number, (source, noun, answer, color) in enumerate(
            [
                (images[0], "dog", "yes", "red"),
                (images[0], "cat", "no", "red"),
                (images[1], "cup", "no", "blue"),
            ]
        )
    ]


def mme_rows(subtask, name, color="red"):
    return [
        {
            "question_id": f"{subtask}/{name}",
            "image": png(color),
            "question": f"Is it {word}? Please answer yes or no.",
            "answer": answer,
            "category": subtask,
        }
        for word, answer in (("so", "Yes"), ("not so", "No"))
    ]


def sqa_row(image, **changes):
    row = {
        "image": image,
        "question": "Which is it?",
        "choices": ["one", "two", "three"],
        "answer": 1,
        "hint": "Look.",
        "subject": "natural science",
        "grade": "grade4",
    }
    return {**row, **changes}
