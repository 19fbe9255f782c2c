// A client by the WebSocket of Node, or of the npm package in the directory given: node client.cjs URL [DIRECTORY].
// It prints what it sees.
'use strict';
const [base, directory] = process.argv.slice(2);
const WebSocket = directory ? require(directory) : globalThis.WebSocket;

// open connects, and sees events one by one.
async function open(path) {
  const socket = new WebSocket(base + path, ['other', 'interop']);
  socket.binaryType = 'arraybuffer';
  const seen = [];
  let wake = () => {};
  for (const type of ['open', 'message', 'error', 'close']) {
    socket.addEventListener(type, event => {
      seen.push(event);
      wake();
    });
  }
  const next = async type => {
    while (!seen.length) await new Promise(resolve => (wake = resolve));
    const event = seen.shift();
    if (event.type !== type) throw new Error(`${event.type} instead of ${type}: ${event.message} ${event.code}`);
    return event;
  };
  await next('open');
  console.log('open', socket.protocol, socket.extensions.split(';')[0]);
  return {socket, next};
}

const closed = event => console.log('closed', event.code, event.reason, event.wasClean);

async function main() {
  const echo = await open('echo?compress=1&id=echo');
  const large = JSON.stringify({name: 'grüß dich ☃'}).repeat(30000);
  for (const text of ['', 'grüß dich ☃', large]) {
    echo.socket.send(text);
    console.log('text', text.length, (await echo.next('message')).data === text);
  }
  const bytes = Uint8Array.from({length: 100000}, (_, i) => i * i);
  echo.socket.send(bytes);
  console.log('binary', bytes.length, Buffer.from((await echo.next('message')).data).equals(bytes));
  echo.socket.close(4002, 'had enough');
  closed(await echo.next('close'));

  for (const code of [4001, 1001]) {
    const push = await open(`push?compress=1&n=3&size=10&reason=enough&code=${code}&id=${code}`);
    for (let i = 0; i < 3; i++) console.log('pushed', Buffer.from((await push.next('message')).data).toString('latin1', 0, 1));
    closed(await push.next('close'));
  }
}

main().catch(error => {
  console.log(error.stack);
  process.exit(1);
});
