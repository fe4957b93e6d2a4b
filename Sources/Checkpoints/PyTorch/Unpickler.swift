import Base
import Files
import NumPy

/// Reads pickles, those of PyTorch files above all, of protocols 0 to 5. It interprets the opcodes itself and has nothing to
/// execute with: functions are cases of `PickleGlobal`, and each names what to build. https://github.com/python/cpython/blob/main/Lib/pickletools.py
struct Unpickler {
    private var cursor: ByteCursor
    private var heap = PickleHeap()
    private var stack: [PickleValue] = []
    /// Heights of the stack at the open marks.
    private var marks: [Int] = []
    private var memo: [Int: PickleValue] = [:]

    /// Far above what the largest training checkpoint takes (some 3,000 tensors of about 35 opcodes). The two bound
    /// the memory that a pickle of one-byte opcodes can ask for to some 100 MB.
    private static let largestOpcodeCount = 1_000_000
    private static let largestTensorCount = 100_000

    private init(_ bytes: UnsafeRawBufferPointer, at position: Int) {
        cursor = ByteCursor(bytes, at: position)
    }

    /// Reads one pickle.
    /// - Returns: its value, what that refers to, and where the pickle ends.
    /// - Throws: `VitvideoError` of kind `badData` for unknown opcodes and everything malformed.
    static func load(
        _ bytes: UnsafeRawBufferPointer, at position: Int = 0
    ) throws -> (value: PickleValue, heap: PickleHeap, end: Int) {
        var unpickler = Unpickler(bytes, at: position)
        for _ in 0..<largestOpcodeCount {
            let opcode = try unpickler.cursor.byte()
            if opcode == UInt8(ascii: ".") {
                let value = try unpickler.pop()
                return (value, unpickler.heap, unpickler.cursor.position)
            }
            try unpickler.execute(opcode)
        }
        throw VitvideoError.badData("its pickle has more than \(largestOpcodeCount) opcodes")
    }

    private mutating func execute(_ opcode: UInt8) throws {
        switch opcode {
        case 0x80:  // PROTO
            let version = try cursor.byte()
            guard version <= 5 else { throw VitvideoError.badData("its pickle is of protocol \(version)") }
        case 0x95: _ = try cursor.take(8)  // FRAME
        case UInt8(ascii: "("): marks.append(stack.count)
        case UInt8(ascii: "0"): _ = try pop()
        case UInt8(ascii: "1"): _ = try popMark()
        case UInt8(ascii: "2"): stack.append(try top())
        case UInt8(ascii: "N"): stack.append(.none)
        case 0x88: stack.append(.bool(true))
        case 0x89: stack.append(.bool(false))
        case UInt8(ascii: "J"): stack.append(.int(Int(try cursor.littleEndian(Int32.self))))
        case UInt8(ascii: "K"): stack.append(.int(Int(try cursor.byte())))
        case UInt8(ascii: "M"): stack.append(.int(Int(try cursor.littleEndian(UInt16.self))))
        case 0x8a: try long(byteCount: Int(try cursor.byte()))
        case 0x8b: try long(byteCount: Int(try cursor.littleEndian(UInt32.self)))
        case UInt8(ascii: "G"):  // BINFLOAT
            _ = try cursor.take(8)
            stack.append(.other)
        case UInt8(ascii: "X"): try string(byteCount: Int(try cursor.littleEndian(UInt32.self)))
        case 0x8c: try string(byteCount: Int(try cursor.byte()))
        case 0x8d: try string(byteCount: try length64())
        case UInt8(ascii: "T"): try textOrBytes(byteCount: Int(try cursor.littleEndian(UInt32.self)))
        case UInt8(ascii: "U"): try textOrBytes(byteCount: Int(try cursor.byte()))
        case UInt8(ascii: "B"): try bytes(byteCount: Int(try cursor.littleEndian(UInt32.self)))
        case UInt8(ascii: "C"): try bytes(byteCount: Int(try cursor.byte()))
        case 0x8e, 0x96: try bytes(byteCount: try length64())  // BINBYTES8, BYTEARRAY8
        default: try executeOnContainers(opcode)
        }
    }

    private mutating func executeOnContainers(_ opcode: UInt8) throws {
        switch opcode {
        case UInt8(ascii: ")"), UInt8(ascii: "]"): stack.append(heap.sequence([]))
        case 0x85: try tuple(count: 1)
        case 0x86: try tuple(count: 2)
        case 0x87: try tuple(count: 3)
        case UInt8(ascii: "t"), UInt8(ascii: "l"): stack.append(heap.sequence(try popMark()))
        case UInt8(ascii: "}"): stack.append(heap.dictionary())
        case UInt8(ascii: "d"): stack.append(heap.dictionary(try pairs(try popMark())))
        case UInt8(ascii: "a"): try append([try pop()])
        case UInt8(ascii: "e"): try append(try popMark())
        case UInt8(ascii: "s"):
            let value = try pop()
            try set([try pop(), value])
        case UInt8(ascii: "u"): try set(try popMark())
        case 0x8f: stack.append(.other)  // EMPTY_SET
        case 0x90: _ = try popMark()  // ADDITEMS
        case 0x91:  // FROZENSET
            _ = try popMark()
            stack.append(.other)
        case UInt8(ascii: "p"): memo[try integerLine()] = try top()
        case UInt8(ascii: "g"): try recall(try integerLine())
        case UInt8(ascii: "q"): memo[Int(try cursor.byte())] = try top()
        case UInt8(ascii: "r"): memo[Int(try cursor.littleEndian(UInt32.self))] = try top()
        case 0x94: memo[memo.count] = try top()  // MEMOIZE
        case UInt8(ascii: "h"): try recall(Int(try cursor.byte()))
        case UInt8(ascii: "j"): try recall(Int(try cursor.littleEndian(UInt32.self)))
        default: try executeOnObjects(opcode)
        }
    }

    private mutating func executeOnObjects(_ opcode: UInt8) throws {
        switch opcode {
        case UInt8(ascii: "c"): stack.append(.global(try global()))
        case UInt8(ascii: "i"):  // INST
            let global = try global()
            stack.append(try build(global, try popMark()))
        case UInt8(ascii: "o"):  // OBJ
            var items = try popMark()
            guard !items.isEmpty, case .global(let global) = items.removeFirst() else { throw malformed }
            stack.append(try build(global, items))
        case 0x93:  // STACK_GLOBAL
            guard case .string(let name) = try pop(), case .string(let module) = try pop() else {
                throw malformed
            }
            stack.append(.global(PickleGlobal(module: module, name: name)))
        case 0x82: try pushExtension(byteCount: 1)  // EXT1, EXT2, EXT4
        case 0x83: try pushExtension(byteCount: 2)
        case 0x84: try pushExtension(byteCount: 4)
        case UInt8(ascii: "R"), 0x81: try call(try pop())  // REDUCE, NEWOBJ
        case 0x92:  // NEWOBJ_EX
            let keywords = try pop()
            try call(try pop())
            if case .object(let index) = try top() { heap.objects[index].arguments.append(keywords) }
        case UInt8(ascii: "b"):  // BUILD
            let state = try pop()
            if case .object(let index) = try top() { heap.objects[index].state = state }
        case UInt8(ascii: "Q"): stack.append(try storage(try pop()))  // BINPERSID
        case UInt8(ascii: "P"):  // PERSID: torch.load takes no identifier that is text
            _ = try cursor.line()
            stack.append(.other)
        case 0x97: stack.append(.other)  // NEXT_BUFFER
        case 0x98: _ = try top()  // READONLY_BUFFER
        default: try executeOnText(opcode)
        }
    }

    /// Literals of protocol 0, a line of text each.
    private mutating func executeOnText(_ opcode: UInt8) throws {
        switch opcode {
        case UInt8(ascii: "I"):
            let line = try cursor.line()
            switch String(decoding: line, as: UTF8.self) {
            case "00": stack.append(.bool(false))
            case "01": stack.append(.bool(true))
            case let text: stack.append(Int(text).map { .int($0) } ?? .other)
            }
        case UInt8(ascii: "L"):
            let text = String(decoding: try cursor.line(), as: UTF8.self)
            stack.append(Int(text.hasSuffix("L") ? text.dropLast() : text[...]).map { .int($0) } ?? .other)
        case UInt8(ascii: "F"):
            _ = try cursor.line()
            stack.append(.other)
        case UInt8(ascii: "S"):
            let line = try cursor.line()
            guard line.count >= 2, line.first == line.last else { throw malformed }
            stack.append(.string(String(decoding: line.dropFirst().dropLast(), as: UTF8.self)))
        case UInt8(ascii: "V"): stack.append(.string(String(decoding: try cursor.line(), as: UTF8.self)))
        default: throw unsupported(opcode)
        }
    }

    /// A module's name and that of something in it, a line each.
    private mutating func global() throws -> PickleGlobal {
        let module = String(decoding: try cursor.line(), as: UTF8.self)
        return PickleGlobal(module: module, name: String(decoding: try cursor.line(), as: UTF8.self))
    }

    /// A class by a number that the two ends have agreed on.
    private mutating func pushExtension(byteCount: Int) throws {
        _ = try cursor.take(byteCount)
        stack.append(.global(.opaque))
    }

    /// Replaces what is called, on top of the stack, by what it gives.
    private mutating func call(_ arguments: PickleValue) throws {
        guard let items = heap.items(arguments) else { throw malformed }
        switch try pop() {
        case .global(let global): stack.append(try build(global, items))
        // Such as a method that an earlier call gave.
        case .object, .bytes, .other: stack.append(heap.object(items))
        default: throw malformed
        }
    }

    /// What calling `global` gives.
    private mutating func build(_ global: PickleGlobal, _ arguments: [PickleValue]) throws -> PickleValue {
        switch global {
        case .orderedDictionary:
            // Python 2 passed a list of pairs.
            var flat: [PickleValue] = []
            for pair in arguments.first.flatMap(heap.items) ?? [] {
                guard let items = heap.items(pair), items.count == 2 else { throw malformed }
                flat += items
            }
            return heap.dictionary(try pairs(flat))
        case .rebuildTensor, .rebuildTypedTensor: return try tensor(global, arguments)
        case .rebuildParameter:
            guard let tensor = arguments.first else { throw malformed }
            if case .tensor = tensor { return tensor }
            return heap.object(arguments)
        case .rebuildSubclass:
            guard arguments.count >= 3, case .global(let function) = arguments[0],
                function != .rebuildSubclass,
                let items = heap.items(arguments[2])
            else { return heap.object(arguments) }
            return try build(function, items)
        case .size:
            guard arguments.count == 1, heap.items(arguments[0]) != nil else { throw malformed }
            return arguments[0]
        case .rebuildArray, .arrayFromBuffer, .arrayType, .encode: return heap.object(arguments, of: global)
        case .storage, .untypedStorage, .type, .opaque: return heap.object(arguments)
        }
    }

    private mutating func tensor(_ global: PickleGlobal, _ arguments: [PickleValue]) throws -> PickleValue {
        // Of a type that is not read, or on no storage at all.
        if case .storage? = arguments.first {} else { return heap.object(arguments) }
        guard arguments.count >= 4, case .storage(let index) = arguments[0],
            case .int(let offset) = arguments[1]
        else { throw malformed }
        let storage = heap.storages[index]
        var type = storage.elementType
        if global == .rebuildTypedTensor {
            guard arguments.count >= 7, case .global(let global) = arguments[6] else { throw malformed }
            guard case .type(let named) = global else { return heap.object(arguments) }
            type = named
        }
        // Flags such as a pending negation, which would change the values.
        let flags = arguments.dropFirst(global == .rebuildTypedTensor ? 7 : 6).first
        if case .dictionary(let flags) = flags, !heap.dictionaries[flags].isEmpty {
            throw VitvideoError.badData("a tensor in its pickle has pending operations")
        }
        guard heap.tensors.count < Self.largestTensorCount else {
            throw VitvideoError.badData("its pickle has more than \(Self.largestTensorCount) tensors")
        }
        guard let type, storage.elementType == nil || storage.elementType == type else { throw malformed }
        let description = try TensorDescription(shape: heap.integers(arguments[2]), elementType: type)
        let storageCount = storage.view.count / (storage.elementType == nil ? type.byteCount : 1)
        let layout = try StridedLayout(
            description, strides: heap.integers(arguments[3]), offset: offset, storageCount: storageCount)
        heap.tensors.append(PickledTensor(storage: index, description: description, layout: layout))
        return .tensor(heap.tensors.count - 1)
    }

    /// From torch's persistent identifier: ('storage', class, key, location, element count), and in legacy files
    /// None or (view key, offset, size).
    private mutating func storage(_ identifier: PickleValue) throws -> PickleValue {
        // Legacy files note the source of the classes of modules: ('module', class, file, source).
        if let items = heap.items(identifier), items.count >= 2, items[0] == .string("module") {
            return .global(.opaque)
        }
        guard let items = heap.items(identifier), items.count == 5 || items.count == 6,
            items[0] == .string("storage"), case .global(let global) = items[1],
            case .string(let key) = items[2], case .int(let count) = items[4], count >= 0
        else { throw malformed }
        let type: ElementType?
        switch global {
        case .storage(let named): type = named
        case .untypedStorage: type = nil
        case .opaque: return heap.object()
        default: throw malformed
        }
        var view = 0..<count
        if items.count == 6, items[5] != .none {
            guard let parts = heap.items(items[5]), parts.count == 3, case .int(let offset) = parts[1],
                case .int(let size) = parts[2], offset >= 0, size >= 0, offset <= count,
                size <= count - offset
            else { throw malformed }
            view = offset..<(offset + size)
        }
        heap.storages.append(PickledStorage(key: key, elementType: type, elementCount: count, view: view))
        return .storage(heap.storages.count - 1)
    }

    // MARK: Stack

    private mutating func pop() throws -> PickleValue {
        guard stack.count > (marks.last ?? 0), let value = stack.popLast() else { throw malformed }
        return value
    }

    private func top() throws -> PickleValue {
        guard stack.count > (marks.last ?? 0), let value = stack.last else { throw malformed }
        return value
    }

    /// Everything above the last mark, which is removed.
    private mutating func popMark() throws -> [PickleValue] {
        guard let mark = marks.popLast() else { throw malformed }
        defer { stack.removeSubrange(mark...) }
        return Array(stack[mark...])
    }

    private mutating func tuple(count: Int) throws {
        var items: [PickleValue] = []
        for _ in 0..<count { items.append(try pop()) }
        stack.append(heap.sequence(items.reversed()))
    }

    private mutating func append(_ items: [PickleValue]) throws {
        switch try top() {
        case .sequence(let list): heap.sequences[list] += items
        case .object(let index): heap.objects[index].items += items
        case .bytes, .other: break
        default: throw malformed
        }
    }

    private mutating func set(_ flat: [PickleValue]) throws {
        let pairs = try pairs(flat)
        switch try top() {
        case .dictionary(let dictionary): heap.dictionaries[dictionary] += pairs
        case .object(let index): heap.objects[index].pairs += pairs
        case .bytes, .other: break
        default: throw malformed
        }
    }

    private func pairs(_ flat: [PickleValue]) throws -> [(key: PickleValue, value: PickleValue)] {
        guard flat.count.isMultiple(of: 2) else { throw malformed }
        return stride(from: 0, to: flat.count, by: 2).map { (flat[$0], flat[$0 + 1]) }
    }

    private mutating func recall(_ index: Int) throws {
        guard let value = memo[index] else { throw malformed }
        stack.append(value)
    }

    // MARK: Literals

    private mutating func string(byteCount: Int) throws {
        stack.append(.string(String(decoding: try cursor.take(byteCount), as: UTF8.self)))
    }

    private mutating func integerLine() throws -> Int {
        guard let value = Int(String(decoding: try cursor.line(), as: UTF8.self)) else { throw malformed }
        return value
    }

    /// A string of Python 2, which holds text and bytes alike.
    private mutating func textOrBytes(byteCount: Int) throws {
        let start = cursor.position
        let text = String(validating: try cursor.take(byteCount), as: UTF8.self)
        stack.append(text.map { .string($0) } ?? .bytes(start..<cursor.position))
    }

    private mutating func bytes(byteCount: Int) throws {
        let start = cursor.position
        _ = try cursor.take(byteCount)
        stack.append(.bytes(start..<cursor.position))
    }

    /// A two's-complement integer; those that do not fit an `Int` are passed over.
    private mutating func long(byteCount: Int) throws {
        let bytes = try cursor.take(byteCount)
        guard byteCount <= 8 else { return stack.append(.other) }
        var value: UInt64 = bytes.last.map { $0 & 0x80 != 0 ? UInt64.max : 0 } ?? 0
        for byte in bytes.reversed() { value = value << 8 | UInt64(byte) }
        stack.append(.int(Int(Int64(bitPattern: value))))
    }

    private mutating func length64() throws -> Int {
        guard let length = Int(exactly: try cursor.littleEndian(UInt64.self)) else { throw malformed }
        return length
    }

    private var malformed: VitvideoError {
        VitvideoError.badData("its pickle is malformed at byte \(cursor.position)")
    }

    private func unsupported(_ opcode: UInt8) -> VitvideoError {
        VitvideoError.badData(
            "its pickle holds opcode 0x\(String(opcode, radix: 16)), which no pickle has")
    }
}
