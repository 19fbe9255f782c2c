// The servers that misbehave: a button for each, and a list of all recorded scenarios.

const element = (id) => document.getElementById(id);

const longest = 300;

// program shows what a server does, as the list of scenarios has it.
const program = (operations = [["accept"], ["polite"]]) => {
	const word = (part) => (typeof part === "string" ? part : JSON.stringify(part));
	const text = operations.map((op) => [op].flat().map(word).join(" ")).join(" · ");
	return text.length > longest ? `${text.slice(0, longest)}…` : text;
};

export const servers = (demo, log, hello) => {
	const scenarios = new Map(hello.scenarios.map((s) => [s.name, s]));
	const play = async (name, title, sentence, limit, card) => {
		const { server, expect } = scenarios.get(name);
		element("played").hidden = false;
		element("played-title").textContent = title;
		const code = document.createElement("code");
		code.textContent = program(server);
		element("played-note").replaceChildren(sentence && `${sentence} `, code, expect.spec ? ` ${expect.spec}.` : "");
		card?.setAttribute("aria-busy", "true");
		log.clear();
		const run = `${demo.session}.${demo.next}`; // next is the ID that act gives
		const id = await demo.act({ do: "replay", scenario: name, play: run, limit }, { log, title: name });
		demo.finish(`${id}.`);
		card?.removeAttribute("aria-busy");
	};

	for (const { scenario, name, sentence, limit, alike } of hello.servers) {
		const card = document.createElement("button");
		card.type = "button";
		card.className = "card";
		card.dataset.scenario = scenario;
		const part = (className, text) => {
			card.append(Object.assign(document.createElement("span"), { className, textContent: text }));
		};
		part("name", name);
		part("sentence", sentence);
		part(alike ? "alike" : "alike not", alike ? "browsers agree" : "browsers differ");
		card.addEventListener("click", () => {
			for (const other of element("cards").children) {
				other.classList.toggle("played", other === card);
			}
			play(scenario, name, sentence, limit, card);
		});
		element("cards").append(card);
	}

	const groups = Map.groupBy(scenarios.values(), (s) => s.group);
	for (const [name, list] of groups) {
		const group = Object.assign(document.createElement("optgroup"), { label: name });
		group.append(...list.map((s) => new Option(s.name)));
		element("scenario").append(group);
	}
	element("how-many").textContent = scenarios.size;
	element("more").addEventListener("submit", (event) => {
		event.preventDefault();
		play(element("scenario").value, element("scenario").value, "", 8000);
	});
};
