// ---- Files: Node's fs, as far as Go's package syscall uses it.

let cwd = "/";
let pendingFileCalls = 0;

const fileError = (code, message) => Object.assign(new Error(`${code}: ${message}`), { code });

const isDirectory = (mode) => (mode & 0o170000) === 0o040000;

const stats = (fields) => ({
	dev: 0, ino: 0, mode: 0, nlink: 1, uid: 0, gid: 0, rdev: 0, size: 0, blksize: 4096, blocks: 0,
	atimeMs: 0, mtimeMs: 0, ctimeMs: 0, ...fields,
	isDirectory() { return isDirectory(this.mode); },
});

const consoleStats = () => stats({ mode: 0o020620 });

const remote = (callback, operation, args, parse = (response) => response.json()) => {
	noteFileCallback(callback);
	pendingFileCalls++;
	const call = async () => {
		await sent(); // what was written before must be there
		const response = await fetch(`${base}file/${operation}?${fileQuery(args)}`, { method: "POST", cache: "no-store" });
		if (response.status === 422) {
			const { code, message } = await response.json();
			throw fileError(code, message);
		}
		if (!response.ok) {
			throw fileError("EIO", `${operation}: ${response.status} ${await response.text()}`);
		}
		return parse(response);
	};
	const done = (error, result) => {
		pendingFileCalls--;
		callback(error, result);
	};
	call().then((result) => done(null, result), (error) => done(error.code ? error : fileError("EIO", error.message)));
};

const fileQuery = (args) => new URLSearchParams({ cwd, ...args });

const takeWriteError = (fd) => {
	const error = writeErrors.get(fd) ?? null;
	writeErrors.delete(fd);
	return error;
};

// afterWrites runs an operation on an open file, unless an earlier write to it failed meanwhile.
const afterWrites = (fd, callback, operation, args) => {
	noteFileCallback(callback);
	remote((error, result) => {
		const earlier = takeWriteError(fd);
		callback(earlier ?? error, result);
	}, operation, { fd, ...args });
};

const onPath = (operation) => (path, callback) => remote(callback, operation, { path });

const fs = {
	constants: {
		O_RDONLY: 0, O_WRONLY: 1, O_RDWR: 2, O_CREAT: 0o100, O_EXCL: 0o200, O_TRUNC: 0o1000, O_APPEND: 0o2000, O_DIRECTORY: 0o200000,
	},
	writeSync(fd, bytes) {
		enqueue(fd, -1, bytes);
		return bytes.length;
	},
	write(fd, bytes, offset, length, position, callback) {
		noteFileCallback(callback);
		const earlier = takeWriteError(fd);
		if (earlier) {
			complete(callback, earlier);
			return;
		}
		enqueue(fd, position ?? -1, bytes.subarray(offset, offset + length));
		// Nothing can wait inside a function that JavaScript has called.
		if (queued <= queueLimit || depth > 0) {
			complete(callback, null, length);
		} else {
			waiting.push({ callback, fd, length });
		}
	},
	open(path, flags, mode, callback) { remote(callback, "open", { path, flags, mode }); },
	close(fd, callback) { afterWrites(fd, callback, "close"); },
	read(fd, bytes, offset, length, position, callback) {
		noteFileCallback(callback);
		remote((error, data) => {
			if (error) {
				callback(error);
				return;
			}
			bytes.set(data, offset);
			callback(null, data.length);
		}, "read", { fd, length, position: position ?? -1 }, async (response) => new Uint8Array(await response.arrayBuffer()));
	},
	fstat(fd, callback) {
		if (fd <= 2) {
			noteFileCallback(callback);
			complete(callback, null, consoleStats());
			return;
		}
		remote(callback, "fstat", { fd }, async (response) => stats(await response.json()));
	},
	fsync(fd, callback) {
		if (fd <= 2) {
			noteFileCallback(callback);
			sent().then(() => complete(callback, null));
			return;
		}
		afterWrites(fd, callback, "fsync");
	},
	ftruncate(fd, length, callback) { afterWrites(fd, callback, "ftruncate", { length }); },
	fchmod(fd, mode, callback) { afterWrites(fd, callback, "fchmod", { mode }); },
	fchown(fd, uid, gid, callback) { afterWrites(fd, callback, "fchown", { uid, gid }); },
	stat(path, callback) { remote(callback, "stat", { path }, async (response) => stats(await response.json())); },
	lstat(path, callback) { remote(callback, "lstat", { path }, async (response) => stats(await response.json())); },
	mkdir(path, mode, callback) { remote(callback, "mkdir", { path, mode }); },
	readdir: onPath("readdir"),
	readlink: onPath("readlink"),
	rmdir: onPath("rmdir"),
	unlink: onPath("unlink"),
	rename(path, to, callback) { remote(callback, "rename", { path, to }); },
	link(path, to, callback) { remote(callback, "link", { path, to }); },
	symlink(target, path, callback) { remote(callback, "symlink", { target, path }); },
	truncate(path, length, callback) { remote(callback, "truncate", { path, length }); },
	chmod(path, mode, callback) { remote(callback, "chmod", { path, mode }); },
	chown(path, uid, gid, callback) { remote(callback, "chown", { path, uid, gid }); },
	lchown(path, uid, gid, callback) { remote(callback, "lchown", { path, uid, gid }); },
	utimes(path, atime, mtime, callback) { remote(callback, "utimes", { path, atime, mtime }); },
};

const path = {
	resolve(...segments) {
		let resolved = cwd;
		for (const segment of segments) {
			resolved = segment.startsWith("/") ? segment : `${resolved}/${segment}`;
		}
		const parts = [];
		for (const part of resolved.split("/")) {
			if (part === "..") {
				parts.pop();
			} else if (part !== "" && part !== ".") {
				parts.push(part);
			}
		}
		return "/" + parts.join("/");
	},
};

// statNow fails for anything that is not a directory. Go expects the answer at once, and only a synchronous request can
// give it.
const statNow = (dir) => {
	const xhr = new XMLHttpRequest();
	xhr.open("POST", `${base}file/stat?${fileQuery({ path: dir })}`, false);
	xhr.send();
	if (xhr.status !== 200) {
		const { code, message } = JSON.parse(xhr.responseText);
		throw fileError(code, message);
	}
	if (!isDirectory(JSON.parse(xhr.responseText).mode)) {
		throw fileError("ENOTDIR", `chdir ${dir}`);
	}
};

const processParts = {
	cwd: () => cwd,
	chdir(dir) {
		if (XMLHttpRequest) { // workerd has none: whether there is such a directory shows later there
			statNow(dir);
		}
		cwd = path.resolve(dir);
	},
};

// installNode gives Go the parts of Node that it uses. It comes late, so that earlier scripts do not take the page for
// Node.
const installNode = ({ cwd: dir, process: { pid, ppid, uid, gid, euid, egid } }) => {
	cwd = dir;
	globalThis.fs = fs;
	globalThis.path = path;
	const process = Object.create(globalThis.process);
	const parts = { ...processParts, pid, ppid, getuid: () => uid, getgid: () => gid, geteuid: () => euid, getegid: () => egid };
	for (const [name, value] of Object.entries(parts)) {
		Object.defineProperty(process, name, { value, configurable: true, enumerable: true, writable: true });
	}
	globalThis.process = process;
};
