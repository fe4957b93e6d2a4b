import ArgumentParser

/// `NAME=FILE`: a weights file under a name of its own. The name ends at the first equals sign, so that the path may
/// hold whatever paths hold.
struct WeightsDefinition: ExpressibleByArgument, Hashable {
    let name: String
    let path: String

    init?(argument: String) {
        guard let equals = argument.firstIndex(of: "=") else { return nil }
        (name, path) = (String(argument[..<equals]), String(argument[argument.index(after: equals)...]))
        guard Self.isName(name), !path.isEmpty else { return nil }
    }

    /// Letters, digits, `.`, `-` and `_`: what a list, a caption and a file's name can hold.
    static func isName(_ text: String) -> Bool {
        !text.isEmpty && text.allSatisfy { $0.isLetter || $0.isNumber || "._-".contains($0) }
    }
}
