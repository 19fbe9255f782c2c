// The Go source on the page, with the least of colours: comments, strings and keywords.

const files = ["client.go", "connect.go", "replay.go", "measure.go", "tour.go", "describe.go", "action.go"];

const tokens = new RegExp([
	"(?<comment>//.*)",
	"(?<string>\"(?:[^\"\\\\\\n]|\\\\.)*\"|`[^`]*`|'(?:[^'\\\\]|\\\\.)*')",
	"(?<keyword>\\b(?:break|case|chan|const|continue|default|defer|else|fallthrough|for|func|go|goto|if|import|interface|map|" +
		"package|range|return|select|struct|switch|type|var)\\b)",
].join("|"), "g");

const colored = (text) => {
	const pieces = [];
	let at = 0;
	for (const match of text.matchAll(tokens)) {
		const [className] = Object.entries(match.groups).find(([, found]) => found !== undefined);
		const colored = Object.assign(document.createElement("span"), { className, textContent: match[0] });
		pieces.push(text.slice(at, match.index), colored);
		at = match.index + match[0].length;
	}
	pieces.push(text.slice(at));
	return pieces;
};

export const source = () => {
	const list = document.getElementById("files");
	const code = document.querySelector("#code code");
	const show = async (name) => {
		for (const button of list.children) {
			button.setAttribute("aria-pressed", String(button.textContent === name));
		}
		const response = await fetch(`source/demo/${name}`);
		const text = response.ok ? await response.text() : `${response.status} ${response.statusText}`;
		code.replaceChildren(...colored(text));
		document.getElementById("code").setAttribute("aria-label", `Source of ${name}`);
		code.parentElement.scrollTop = 0;
	};
	for (const name of files) {
		const button = Object.assign(document.createElement("button"), { type: "button", textContent: name });
		button.addEventListener("click", () => show(name));
		list.append(button);
	}
	show(files[0]);
};
