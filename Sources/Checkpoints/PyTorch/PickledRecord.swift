import Base
import Files
import NumPy

/// Plain data under a name in a pickle.
package enum PickledField: Sendable, Equatable {
    case integers([Int])
    case texts([String])
    case array(NPYArray)
}

/// Pickles that are a dictionary of lists and NumPy arrays, as CIFAR's Python archives are. They are read as those of
/// weights are: nothing in them is executed.
package enum PickledRecord {
    /// The fields by name: lists of whole numbers or of texts, and arrays. What else is in the pickle is left out.
    ///
    /// - Throws: `VitvideoError` of kind `badData` where it is malformed, is no dictionary, or an array's data are not
    ///   as long as its shape says.
    package static func fields(_ pickle: UnsafeRawBufferPointer) throws -> [String: PickledField] {
        let (value, heap, _) = try Unpickler.load(pickle)
        guard case .dictionary(let index) = value else {
            throw VitvideoError.badData("its pickle is no dictionary")
        }
        let reader = PickledReader(pickle: pickle, heap: heap)
        var fields: [String: PickledField] = [:]
        for (key, value) in heap.dictionaries[index] {
            guard let name = reader.text(key) else { continue }
            fields[name] = try locating("read", "its field \(quoted(name))") { try reader.field(value) }
        }
        return fields
    }
}

/// Turns what a pickle has built into plain data.
private struct PickledReader {
    let pickle: UnsafeRawBufferPointer
    let heap: PickleHeap

    /// Nil for what is no field.
    func field(_ value: PickleValue) throws -> PickledField? {
        switch value {
        case .sequence(let index):
            let items = heap.sequences[index]
            let integers = items.compactMap { if case .int(let integer) = $0 { integer } else { nil } }
            if integers.count == items.count { return .integers(integers) }
            let texts = items.compactMap(text)
            return texts.count == items.count ? .texts(texts) : nil
        case .object(let index): return try array(heap.objects[index]).map { .array($0) }
        default: return nil
        }
    }

    func text(_ value: PickleValue) -> String? {
        switch value {
        case .string(let text): text
        case .bytes(let place): String(validating: pickle[place], as: UTF8.self)
        default: nil
        }
    }

    /// Nil for an object that is no array.
    private func array(_ object: PickledObject) throws -> NPYArray? {
        let parts: (shape: PickleValue, type: PickleValue, isFortranOrder: Bool, data: PickleValue)
        switch object.function {
        case .rebuildArray:
            // Arrays of old versions have no version before the rest.
            guard let state = object.state.flatMap(heap.items)?.suffix(4), state.count == 4 else {
                return nil
            }
            let first = state.startIndex
            // Python 2 wrote truth values as numbers at times.
            let isFortranOrder = state[first + 2] == .bool(true) || state[first + 2] == .int(1)
            parts = (state[first], state[first + 1], isFortranOrder, state[first + 3])
        case .arrayFromBuffer:
            guard object.arguments.count == 4 else { return nil }
            let order = object.arguments[3]
            parts = (object.arguments[2], object.arguments[1], order == .string("F"), object.arguments[0])
        default: return nil
        }
        guard let element = try element(parts.type), let data = data(parts.data) else { return nil }
        let shape = try heap.integers(parts.shape)
        guard !parts.isFortranOrder || shape.count < 2 else {
            throw VitvideoError.badData("it is in Fortran order", nextStep: "save it in C order")
        }
        guard try element.byteCount(ofShape: shape) == data.count else {
            throw VitvideoError.badData(
                "\(data.count) bytes are no array of the shape \(oneLine("\(shape)"))")
        }
        return NPYArray(element: element, shape: shape, bytes: data)
    }

    /// Nil for what is no type of NumPy's.
    private func element(_ value: PickleValue) throws -> NPYElement? {
        guard case .object(let index) = value, heap.objects[index].function == .arrayType,
            case .string(let name)? = heap.objects[index].arguments.first
        else { return nil }
        var order = "|"
        if let state = heap.objects[index].state.flatMap(heap.items), state.count > 1,
            case .string(let text) = state[1]
        {
            order = text
        }
        return try NPYElement(descriptor: order + name)
    }

    private func data(_ value: PickleValue) -> [UInt8]? {
        switch value {
        case .bytes(let place): return Array(pickle[place])
        case .string(let text): return Array(text.utf8)
        case .object(let index):
            let object = heap.objects[index]
            guard object.function == .encode, object.arguments.count == 2,
                case .string(let text) = object.arguments[0], object.arguments[1] == .string("latin1")
            else { return nil }
            // A character above the 256 of Latin-1 makes the data too short for the array, which is an error.
            return text.unicodeScalars.compactMap { UInt8(exactly: $0.value) }
        default: return nil
        }
    }
}
