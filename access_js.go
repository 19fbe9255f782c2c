//go:build js && wasm

package ws

import (
	"strconv"
	"strings"
	"syscall/js"
)

// How the package accesses objects that are not its own: the host's classes, the WebSocket object, its events, and
// whatever a page, a framework or a mock has put in their place.
//
// Two things could end the program here. A value of an unexpected type makes syscall/js panic. And an exception thrown
// inside Value.Get, Set, Index, Length or InstanceOf cannot be caught: it unwinds the program, which is broken from
// then on. So such objects are accessed only through the functions of this file. They call Reflect's functions with
// Value.Invoke, where an exception becomes a panic that can be recovered, and they check each value before it is used.
// Anything missing has one default: 0, "", false or undefined.

// call calls a function. thrown is what it throws, or undefined if it is not a function.
func (h *host) call(function js.Value, args ...any) (result js.Value, thrown *js.Error) {
	if function.Type() != js.TypeFunction {
		return js.Undefined(), &js.Error{Value: js.Undefined()}
	}
	defer func() {
		if r := recover(); r != nil {
			thrown = thrownBy(r)
		}
	}()
	return function.Invoke(args...), nil
}

// construct is like call, for classes.
func (h *host) construct(class js.Value, args ...any) (object js.Value, thrown *js.Error) {
	if class.Type() != js.TypeFunction {
		return js.Undefined(), &js.Error{Value: js.Undefined()}
	}
	defer func() {
		if r := recover(); r != nil {
			thrown = thrownBy(r)
		}
	}()
	return class.New(args...), nil
}

// thrownBy returns the JavaScript exception that a panic stands for. Other panics go on. It is used instead of safejs
// in code that every program contains, because safejs formats stack traces: with it, and so with fmt, the smallest
// program for a browser is 13 % larger.
func thrownBy(recovered any) *js.Error {
	e, ok := recovered.(js.Error)
	if !ok {
		panic(recovered)
	}
	return &e
}

// get returns a property of an object, undefined if reading it throws or there is no object.
func (h *host) get(object js.Value, name string) js.Value {
	if !isObject(object) {
		return js.Undefined()
	}
	value, _ := h.call(h.builtins[reflectGet], object, name)
	return value
}

// getNumber returns a property that is a number, 0 for any other.
func (h *host) getNumber(object js.Value, name string) float64 { return number(h.get(object, name)) }

// getText returns a property that is a string, "" for any other.
func (h *host) getText(object js.Value, name string) string { return text(h.get(object, name)) }

// set sets a property of an object, if that is possible.
func (h *host) set(object js.Value, name string, value any) (ok bool) {
	if !isObject(object) {
		return false
	}
	done, thrown := h.call(h.builtins[reflectSet], object, name, value)
	return thrown == nil && truth(done)
}

// method calls a method of an object. The error is what it throws, and a TypeError if there is no such method.
func (h *host) method(object js.Value, name string, args ...any) (js.Value, error) {
	function := h.get(object, name)
	if function.Type() != js.TypeFunction {
		return js.Undefined(), typeError("the host's object has no method " + strconv.Quote(name))
	}
	result, thrown := h.call(h.builtins[reflectApply], function, object, args)
	if thrown != nil {
		return js.Undefined(), h.exceptionOf(thrown)
	}
	return result, nil
}

// at returns the value at a path of names from the global object: "Array.prototype.push".
func (h *host) at(path string) js.Value {
	v := js.Global()
	for more := true; more; {
		var name string
		name, path, more = strings.Cut(path, ".")
		v = h.get(v, name)
	}
	return v
}

// bind returns function.bind(receiver, args...), undefined if that is no function.
func (h *host) bind(function, receiver js.Value, args ...js.Value) js.Value {
	all := []any{function, receiver}
	for _, arg := range args {
		all = append(all, arg)
	}
	bound, _ := h.call(h.bindWith, all...)
	return bound
}

// bindMethod returns a method bound to its object.
func (h *host) bindMethod(object js.Value, name string, args ...js.Value) js.Value {
	return h.bind(h.get(object, name), object, args...)
}

// ofReceiver turns a method into a function of its receiver and its arguments.
func (h *host) ofReceiver(method js.Value) js.Value { return h.bind(h.builtins[functionCall], method) }

// accessor returns the getter of a property of object as a function of the object, or undefined if there is no getter.
func (h *host) accessor(object js.Value, name string) js.Value {
	const deepest = 16 // the prototypes of a Proxy may go on without end
	for range deepest {
		if !isObject(object) {
			break
		}
		descriptor, thrown := h.call(h.builtins[reflectDescriptor], object, name)
		if thrown != nil {
			break
		}
		if isObject(descriptor) {
			if get := h.get(descriptor, "get"); get.Type() == js.TypeFunction {
				return h.ofReceiver(get)
			}
			break
		}
		object, _ = h.call(h.builtins[reflectPrototype], object)
	}
	return js.Undefined()
}

// getter returns a function that reads a property of object. If the getter throws, for example because object is a
// Proxy and the getter needs the object behind it, the property is read instead.
func (h *host) getter(object js.Value, name string) js.Value {
	if get := h.accessor(object, name); get.Type() == js.TypeFunction {
		bound := h.bind(get, js.Undefined(), object)
		if _, thrown := h.call(bound); thrown == nil {
			return bound
		}
	}
	return h.bind(h.builtins[reflectGet], js.Undefined(), object, js.ValueOf(name))
}

func isObject(v js.Value) bool {
	t := v.Type()
	return t == js.TypeObject || t == js.TypeFunction
}

// number returns a number, 0 for anything else and for NaN.
func number(v js.Value) float64 {
	if v.Type() != js.TypeNumber || v.IsNaN() {
		return 0
	}
	return v.Float()
}

// text returns a string, "" for anything else.
func text(v js.Value) string {
	if v.Type() != js.TypeString {
		return ""
	}
	return v.String()
}

// truth returns a boolean, false for anything else.
func truth(v js.Value) bool { return v.Type() == js.TypeBoolean && v.Bool() }

// exceptionOf makes an Exception from what JavaScript threw, if that has a name, as every error object has.
func (h *host) exceptionOf(thrown *js.Error) error {
	name, message := h.get(thrown.Value, "name"), h.get(thrown.Value, "message")
	if name.Type() != js.TypeString || message.Type() != js.TypeString {
		return &hostError{thrown}
	}
	return exceptionNamed(name.String(), message.String())
}

// hostError is a thrown value that is not an error object. The Error method of js.Error panics for such a value.
type hostError struct{ thrown *js.Error }

func (e *hostError) Error() string { return "ws: the JavaScript host threw " + e.thrown.Value.String() }
func (e *hostError) Unwrap() error { return *e.thrown }

// copyToGo copies the bytes of a Uint8Array, as many as there is room for. CopyBytesToGo panics if the array is from
// another realm, as those of an iframe's TextEncoder are, or if the page has replaced Uint8Array. Then the bytes are
// first copied in the host.
func (h *host) copyToGo(dst []byte, array js.Value) int {
	if n, ok := tryCopyToGo(dst, array); ok {
		return n
	}
	own, thrown := h.construct(h.at("Uint8Array"), array)
	if thrown != nil {
		return 0
	}
	n, _ := tryCopyToGo(dst, own)
	return n
}

func tryCopyToGo(dst []byte, array js.Value) (n int, ok bool) {
	defer func() { ok = recover() == nil }()
	return js.CopyBytesToGo(dst, array), true
}

// copyToJS copies bytes into a Uint8Array that this package has made, whose class the page may have replaced since.
func (h *host) copyToJS(array js.Value, src []byte) {
	if copied := tryCopyToJS(array, src); copied {
		return
	}
	if same, thrown := h.construct(h.at("Uint8Array"), h.get(array, "buffer")); thrown == nil {
		tryCopyToJS(same, src)
	}
}

func tryCopyToJS(array js.Value, src []byte) (ok bool) {
	defer func() { ok = recover() == nil }()
	js.CopyBytesToJS(array, src)
	return true
}
