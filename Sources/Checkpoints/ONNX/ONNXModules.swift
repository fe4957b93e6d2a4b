/// The modules of a model, known by the parameters that kept their names.
struct ONNXModules {
    private var paths: Set<Substring> = []
    /// Those with modules inside.
    private var parents: Set<Substring> = []

    /// Far above what modules have; bounds the work that one name asks for.
    private static let (longestName, mostParts) = (1024, 64)

    init(of parameters: [String]) {
        for name in parameters where name.utf8.count <= Self.longestName {
            // From the inside outwards, up to what is known already.
            var path = name[...]
            while let dot = path.lastIndex(of: ".") {
                path = path[..<dot]
                guard paths.insert(path).inserted else { break }
                if let end = path.lastIndex(of: ".") { parents.insert(path[..<end]) }
            }
        }
    }

    /// Whether a module has modules inside: a linear layer has none.
    func hasModules(inside path: String) -> Bool { parents.contains(path[...]) }

    /// The path of the innermost of modules that the old exporter lists from the outermost inwards.
    ///
    /// The parts of a list are doubled where a container calls its modules by itself: "blocks", "blocks.0" is
    /// `blocks.0`. A part then stands in place of the one before. So it does where the parameters that have names say
    /// so.
    func path(of scopes: [Substring]) -> String {
        guard scopes.count <= Self.mostParts else { return scopes.joined(separator: ".") }
        var parts: [Substring] = []
        for scope in scopes {
            let outer = parts.dropLast().joined(separator: ".")
            let inside = Self.joined(parts.joined(separator: "."), scope)
            let instead = Self.joined(outer, scope)
            let isDoubled = parts.last.map { scope.hasPrefix($0 + ".") || scope == $0 } ?? false
            if isDoubled, !paths.contains(inside[...]) || paths.contains(instead[...]) && scope != parts.last
            {
                parts[parts.count - 1] = scope
            } else {
                parts.append(scope)
            }
        }
        return parts.joined(separator: ".")
    }

    private static func joined(_ outer: String, _ inner: Substring) -> String {
        outer.isEmpty ? String(inner) : "\(outer).\(inner)"
    }
}
