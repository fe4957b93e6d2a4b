import Base
import Glibc
import ModelZoo

/// What `models list` prints: the known models, then those of the cache that have names of their own.
struct ModelList {
    /// Blocks of lines, an empty line between them.
    private(set) var blocks: [[String]] = []

    /// - Parameter filter: a part of the names or aliases of those that are shown, in letters of any case;
    ///   nil for all.
    /// - Throws: `VitvideoError` of kind `usage` where no name has it, with those nearest to it.
    init(_ cache: ModelCache, filter: String?) throws {
        let entries = ModelZoo.entries.filter { entry in
            entry.names.contains { Self.matches($0, filter) }
        }
        let imported = cache.importedModels.filter { Self.matches($0.name, filter) }
        let pulled = cache.pulledModels.filter { Self.matches($0.name, filter) }
        if let filter, entries.isEmpty, imported.isEmpty, pulled.isEmpty {
            throw Self.nothing(
                filter,
                among: ModelZoo.entries.flatMap(\.names)
                    + (cache.importedModels + cache.pulledModels).map(\.name))
        }
        if !entries.isEmpty { blocks.append(Self.table(entries, cache)) }
        for (title, models) in [("imported", imported), ("of Hugging Face", pulled)] where !models.isEmpty {
            var table = TextTable(columns: [.init(title: title), .init(title: "size", isNumber: true)])
            for model in models { table.rows.append([model.name, byteText(Int(cache.size(of: model)))]) }
            blocks.append(table.lines)
        }
    }

    private static func matches(_ name: String, _ filter: String?) -> Bool {
        filter.map { name.lowercased().contains($0.lowercased()) } ?? true
    }

    private static func table(_ entries: [ModelZoo.Entry], _ cache: ModelCache) -> [String] {
        var table = TextTable(
            columns: [
                .init(title: "model"), .init(title: "shape"), .init(title: "size", isNumber: true),
                .init(title: "license"), .init(title: "source"), .init(title: ""),
            ])
        for entry in entries {
            let c = entry.configuration
            let aliases = entry.names.dropFirst().map { "'\($0)'" }
            let marks = (entry.name == ModelZoo.defaultName ? ["default"] : []) + aliases
            let size = entry.sizeOnDisk
            table.rows.append([
                entry.name + (marks.isEmpty ? "" : " (\(marks.joined(separator: ", ")))"),
                "\(c.patchSize)/\(c.width)/\(c.depth)/\(c.heads)",
                (size.isExact ? "" : "~") + byteText(Int(size.bytes)), entry.license.shortName,
                entry.publisher,
                cache.find(entry) == nil ? "" : "present",
            ])
        }
        let isGuessed = entries.contains { !$0.sizeOnDisk.isExact }
        var addresses: [String] = []
        for license in entries.map(\.license) {
            guard let address = license.address else { continue }
            let line = "\(license.name): \(address)"
            if !addresses.contains(line) { addresses.append(line) }
        }
        return table.lines
            + [
                "",
                "shape: patch/width/blocks/heads"
                    + (isGuessed
                        ? "; ~: four bytes a parameter that is read, text towers left out"
                        : ""),
            ] + addresses
    }

    private static let mostSuggestions = 5

    /// - Parameter names: those that there are.
    private static func nothing(_ filter: String, among names: [String]) -> VitvideoError {
        let word = filter.lowercased()
        let distances = names.map { editDistance(word, $0.lowercased(), isPart: true) }
        let nearest = zip(distances, names).filter { $0.0 <= max(1, word.count / 2) }
            .enumerated().sorted { ($0.element.0, $0.offset) < ($1.element.0, $1.offset) }
            .prefix(mostSuggestions).map(\.element.1)
        return VitvideoError(
            .usage, reason: "no model's name has \(quoted(filter)) in it",
            nextStep: .advice(
                nearest.isEmpty
                    ? "'vitvideo models list' shows all" : "the nearest: \(nearest.joined(separator: ", "))"))
    }
}

extension ModelZoo.Entry {
    /// Its name, and after it its aliases.
    fileprivate var names: [String] {
        [name] + ModelZoo.aliases.filter { $0.value == name }.map(\.key).sorted()
    }
}
