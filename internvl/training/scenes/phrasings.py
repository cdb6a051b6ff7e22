"""How people ask about objects, and of what no drawn scene shows."""

WHAT = (
    "What is this?",
    "What is in this picture?",
    "What do you see?",
    "What is it?",
    "What object is in the picture?",
    "What does the picture show?",
    "Which shape and colour is this?",
    "What's in the image?",
    "Name the object and its colour.",
    "What is the colour and shape of the object?",
)
COLOUR_OF = (
    "What colour is the {x}?",
    "What is the colour of the {x}?",
    "Which colour does the {x} have?",
    "colour of the {x}?",
    "Tell me the colour of the {x}.",
)
COLOUR_OF_IT = (
    "What colour is it?",
    "Which colour?",
    "What colour is the object?",
    "What is its colour?",
)
SHAPE_OF = (
    "What shape is the {x} object?",
    "Which shape is {x}?",
    "What is the shape of the {x} object?",
)
SHAPE_OF_IT = (
    "What shape is it?",
    "Which shape is this?",
    "What is the shape?",
    "What shape is shown?",
)
COUNT_ALL = (
    "How many objects are there?",
    "How many shapes are in the picture?",
    "Count the objects.",
    "How many things do you see?",
    "How many shapes are there?",
)
COUNT = (
    "How many {x} are there?",
    "Count the {x}.",
    "How many {x} do you see?",
    "How many {x} are in the picture?",
    "What is the number of {x}?",
)
WHERE = (
    "Where is the {x}?",
    "In which part of the picture is the {x}?",
    "Where can I find the {x}?",
)
AT = ("What is in the {x}?", "Which object is in the {x}?", "What do you see in the {x}?")
EXISTS = (
    "Is there {x}?",
    "Do you see {x}?",
    "Is there {x} in the picture?",
    "Does the picture show {x}?",
)
SIDE = (
    "Is the {x} {side} the {y}?",
    "Is the {x} {side} or {other} the {y}?",
)
BACKGROUND = (
    "What colour is the background?",
    "Which colour is behind the objects?",
    "Background colour?",
)
CAPTION = (
    "Describe the picture.",
    "Describe this image.",
    "What is in the picture? List everything.",
    "Please describe what you see.",
    "Tell me about this picture.",
    "Describe the image in detail.",
    "List all the objects.",
    "Can you describe the picture?",
)
FIND = (
    "Where is the {x}? Give its box.",
    "Give the box of the {x}.",
    "Locate the {x}.",
    "Find the {x}.",
)
LARGEST = (
    "Which object is the largest?",
    "What is the biggest object?",
    "Which is the largest shape?",
)
SMALLEST = (
    "Which object is the smallest?",
    "What is the smallest object?",
    "Which is the smallest shape?",
)
PHOTO = (  # asked of drawn scenes too
    "Who is this?",
    "Who is in the picture?",
    "What animal is this?",
    "Which animal do you see?",
    "Where was this taken?",
    "Where is this?",
    "Which building is this?",
    "Which city is this?",
    "How many people are there?",
    "How many people do you see?",
    "How many animals are there?",
    "What is the person doing?",
    "What is happening here?",
    "What is the weather like?",
    "Is this a photo?",
    "Is this a photograph?",
    "What breed is the dog?",
    "Is there a person?",
    "What is the man wearing?",
    "What food is this?",
)
LIFE = (
    *("dog", "cat", "bird", "horse", "boy", "girl", "hand", "face"),
    *("car", "train", "boat", "house", "door", "window", "street"),
    *("tree", "flower", "mountain", "cloud", "river"),
    *("chair", "cup", "bottle", "hat", "shirt", "shoe", "phone", "ball"),
)
"""Things of the world, which no drawn scene shows."""
