import type { ChatMessage } from "../chat/render-chat.js";

/**
 * What a model reads while its activations are measured: prose, facts, instructions, code, tables, talk, and other
 * languages, so that every kind of input it will meet has its share in the rounding.
 */
export const calibrationTexts: readonly string[] = [
  `The harbour wakes before the town does. At four the first boats come in low with mackerel, and the women who buy for the restaurants are already standing on the quay with their collars up, arguing about prices that everybody knows will be the same as yesterday. By six the ice is gone, the gulls have had their share, and the only sound is a hose running over concrete.`,
  `Photosynthesis turns light into sugar. Pigments in the chloroplast catch photons and pass their energy on to a reaction centre, where water is split: the oxygen leaves, and the hydrogen's electrons travel down a chain of proteins. What they give up on the way pumps protons across a membrane, and the protons flowing back drive the machine that makes ATP. A second set of reactions, which needs no light, spends that ATP to bind carbon dioxide.`,
  `How to mend a bicycle tyre:
1. Turn the bicycle upside down and take out the wheel.
2. Lever one side of the tyre over the rim and pull out the tube.
3. Pump it up a little and listen, or hold it under water, to find the hole.
4. Roughen the rubber around the hole, spread glue thinly, and wait five minutes.
5. Press the patch on firmly. Check the tyre for glass before you put everything back.`,
  `import json
from pathlib import Path


class Ledger:
    """Keeps balances by account name."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.balances = json.loads(path.read_text()) if path.exists() else {}

    def transfer(self, source: str, target: str, amount: int) -> None:
        if amount <= 0:
            raise ValueError(f"amount must be positive, got {amount}")
        if self.balances.get(source, 0) < amount:
            raise ValueError("not enough money")
        self.balances[source] -= amount
        self.balances[target] = self.balances.get(target, 0) + amount
        self.path.write_text(json.dumps(self.balances, indent=2))
`,
  `export async function retry(action, { attempts = 3, delayMs = 200 } = {}) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await action();
    } catch (error) {
      if (attempt >= attempts) throw error;
      await new Promise((resolve) => setTimeout(resolve, delayMs * 2 ** attempt));
    }
  }
}

// SELECT name, COUNT(*) AS orders FROM customers JOIN orders USING (customer_id)
// WHERE placed_at >= '2023-01-01' GROUP BY name HAVING COUNT(*) > 5 ORDER BY orders DESC;
`,
  `| city    | inhabitants | area in km² | founded |
| ------- | ----------: | ----------: | ------: |
| Ardmere |     412,300 |       186.2 |    1163 |
| Colby   |      58,900 |        41.7 |    1820 |
| Vantor  |   1,904,000 |       605.0 |     312 |

The average of the three areas is (186.2 + 41.7 + 605.0) / 3 = 832.9 / 3 ≈ 277.6 km². If Colby grows by 2.5 % a year, it will have 58,900 × 1.025^10 ≈ 75,400 inhabitants in ten years.`,
  `"You said you would write," Marta said, without turning round.
"I did write. I wrote four times."
"Then where are the letters?"
He put the key on the table between them. "In the drawer of the desk that you told me never to open."
She laughed at that, in spite of herself, and for a moment the room was as it had been in the spring. "Well," she said, "then I suppose we had better open it."`,
  `Am Morgen lag Nebel über dem Fluss, und die Fähre fuhr erst gegen neun. Der Fährmann kannte alle Fahrgäste beim Namen; nur die Frau mit dem roten Koffer hatte er noch nie gesehen. Sie fragte, wie lange die Überfahrt dauere, und er antwortete: „So lange, wie Sie brauchen, um mir zu erzählen, wohin Sie wollen."`,
  `Le boulanger de la rue des Tanneurs ouvre à cinq heures et demie. Les premiers clients achètent une baguette, parfois deux croissants, et parlent du temps. Personne n'est pressé : l'été, la lumière entre par la porte jusqu'au comptoir, et l'odeur du pain descend jusqu'à la place.`,
  `La reunión empezará a las diez. Por favor, traigan los informes del último trimestre y una lista de preguntas. Después de comer visitaremos la fábrica nueva, donde trabajan unas doscientas personas. 春天的时候,河边的柳树最先变绿。孩子们放学以后在那里放风筝。 Поезд приходит в семь часов вечера, и на станции его уже ждут.`,
  `To: the residents of Alder Court
Subject: water shut off on Thursday

Dear neighbours, on Thursday, 14 March, the main valve in the cellar will be replaced. Between 8 a.m. and about 1 p.m. there will be no water on any floor. Please close all taps before you leave, and keep a bucket ready if you stay. We are sorry for the trouble. Questions? Call 555-0142 or write to house@aldercourt.example.`,
  `A court of appeal held last week that a promise made in an e-mail may bind a company even where its contract says that changes need a signature. The decision turns on a narrow point: both sides had acted on the promise for two years, so neither could later say that the form had mattered to them. Lawyers expect few cases like it; insurers are less sure.`,
  `Why does ice float? Most substances shrink when they freeze, because their molecules pack more closely. Water is different. Each molecule forms up to four hydrogen bonds, and in ice these hold it in an open lattice with more empty room than the liquid has. So a litre of ice weighs about 917 grams, and a lake freezes from the top down, which is lucky for the fish.`,
  `{"order": {"id": 90817, "items": [{"sku": "LMP-04", "qty": 2, "price": 19.95}, {"sku": "CBL-2M", "qty": 1, "price": 7.5}], "shipTo": {"street": "12 Mill Lane", "city": "Oakham", "zip": "LE15 6RA"}, "paid": true, "note": null}}
ERROR 2024-06-02T11:42:07Z worker[3]: connection reset by peer (errno 104), retrying in 400 ms`,
  `Once upon a time there was a little fox who was afraid of the dark. Every evening she asked the moon to stay a bit longer, and every evening the moon said, "I will come back." One night it was cloudy, and the moon did not come. The fox sat very still. Then she saw a small light, and another one, and soon the whole meadow was full of fireflies. "Oh," said the little fox, "so the dark has lights of its own."`,
];

/** Talks that are written as the model's own chat template writes them. */
export const calibrationChats: readonly (readonly ChatMessage[])[] = [
  [
    { role: "system", content: "You are a patient cooking teacher. Answer briefly." },
    { role: "user", content: "My rice always sticks to the pot. What am I doing wrong?" },
    {
      role: "assistant",
      content:
        "Most likely you stir it or use too much heat. Rinse the rice until the water is clear, bring it to the boil once, then cover it, turn the heat down as low as it goes, and leave it alone for twelve minutes. Let it rest for five more before you lift the lid.",
    },
    { role: "user", content: "And how much water should I take?" },
    {
      role: "assistant",
      content:
        "For long-grain rice, one and a half cups of water to a cup of rice. Basmati needs a little less, brown rice about two and a quarter cups and half an hour.",
    },
  ],
  [
    { role: "user", content: "Write a short poem about a lighthouse in winter." },
    {
      role: "assistant",
      content:
        "Snow has closed the coastal road,\nthe gulls have gone inland.\nStill, every fifteen seconds,\na slow and patient hand\nof light goes out across the ice\nand touches nothing there,\nand comes back round to try again\nas though the sea could care.",
    },
    { role: "user", content: "Explain what a prime number is, and list the first ten." },
    {
      role: "assistant",
      content:
        "A prime number is a whole number greater than 1 that can be divided without remainder only by 1 and by itself. The first ten are:\n\n2, 3, 5, 7, 11, 13, 17, 19, 23, 29\n\nThe number 2 is the only even one, since every other even number can be divided by 2.",
    },
  ],
  [
    { role: "user", content: "What is the difference between a list and a tuple in Python?" },
    {
      role: "assistant",
      content:
        'Both hold values in order. A **list** can be changed after it was made; a **tuple** cannot:\n\n```python\ncolours = ["red", "green"]\ncolours.append("blue")  # fine\n\npoint = (3, 4)\npoint[0] = 5  # TypeError\n```\n\nSo use a tuple for a fixed group of values, e.g. coordinates or a key of a dictionary, and a list for a collection that grows.',
    },
  ],
];

/** What no rounding has seen: the difference between the rounded and the exact model is measured on these. */
export const heldOutTexts: readonly string[] = [
  `The first map of the valley was drawn by a schoolteacher who had never climbed its western side. He asked the shepherds instead, and wrote down their names for every stream and rock. When the surveyors came forty years later with their instruments, they found that the distances were wrong and the names were right, and they kept the names.`,
  `A sorting algorithm is stable if it keeps equal elements in the order in which they came. Merge sort is stable; quicksort, as it is usually written, is not. This matters when records are sorted twice: first by date, then by customer, say, and the dates should still be in order within each customer.`,
  `def moving_average(values, window):
    total = 0.0
    result = []
    for index, value in enumerate(values):
        total += value
        if index >= window:
            total -= values[index - window]
        if index >= window - 1:
            result.append(total / window)
    return result
`,
  `Tips for a long train journey:
- Book a seat by the window, and bring a jacket: the air is often cold.
- Take more water than you think you need.
- Download what you want to read or hear; tunnels have no reception.
- Walk to the dining car at least once. You will meet people there.`,
];

/** As `heldOutTexts`, in the form of talks. */
export const heldOutChats: readonly (readonly ChatMessage[])[] = [
  [
    { role: "user", content: "Can you explain why the sky is blue?" },
    {
      role: "assistant",
      content:
        "Sunlight is a mixture of all colours. When it passes through the air, molecules scatter short waves much more strongly than long ones, so blue light comes to our eyes from every direction, while red light goes straight on. At sunset the light takes a longer way through the air; most of the blue is gone by then, and the sky looks orange or red.",
    },
    { role: "user", content: "Give me three names for a small bookshop." },
    {
      role: "assistant",
      content: "1. The Paper Lantern\n2. Second Chapter\n3. Marginalia Books",
    },
  ],
];
