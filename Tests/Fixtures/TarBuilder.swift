/// Makes tar archives block by block, so that tests can lie in any field.
package struct TarBuilder {
    private var body: [UInt8] = []

    package init() {}

    /// - Parameters:
    ///   - kind: `0` for a file, `5` for a folder, `L` and `x` for what is about the next file.
    ///   - size: to declare, if not the true one, as octal digits or as other bytes.
    ///   - folders: of POSIX's field for them; nil for the header of GNU tar, which has none.
    package mutating func add(
        _ name: String, _ content: [UInt8], kind: Character = "0", size: [UInt8]? = nil,
        folders: String? = "",
        damagesSum: Bool = false
    ) {
        var block = [UInt8](repeating: 0, count: 512)
        func set(_ bytes: some Collection<UInt8>, at place: Int) {
            block.replaceSubrange(place..<(place + bytes.count), with: bytes)
        }
        set(name.utf8.prefix(100), at: 0)
        set("0000644\0".utf8, at: 100)
        set(size ?? Array(Self.octal(content.count, digits: 11).utf8), at: 124)
        set("        ".utf8, at: 148)
        set(kind.utf8, at: 156)
        set(folders == nil ? Array("ustar  \0".utf8) : Array("ustar\0".utf8) + Array("00".utf8), at: 257)
        // GNU tar has times here.
        set((folders ?? "14071240000").utf8, at: 345)
        let sum = block.reduce(0) { $0 + Int($1) } + (damagesSum ? 1 : 0)
        set("\(Self.octal(sum, digits: 6))\0 ".utf8, at: 148)
        body += block + content + [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
    }

    /// - Parameter isClosed: whether the two blocks of zeros at the end are there.
    package func archive(isClosed: Bool = true) -> [UInt8] {
        isClosed ? body + [UInt8](repeating: 0, count: 1024) : body
    }

    private static func octal(_ number: Int, digits: Int) -> String {
        let text = String(number, radix: 8)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
}
