/// The name of an unfinished output: `out.mp4` becomes `out.partial.mp4`.
enum PartialName {
    static func of(_ path: String) -> String {
        let start = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
        guard let dot = path[start...].lastIndex(of: "."), dot > start else { return path + ".partial" }
        return path[..<dot] + ".partial" + path[dot...]
    }
}
