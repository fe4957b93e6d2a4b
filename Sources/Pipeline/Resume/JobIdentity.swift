import Base
import Files
import FoundationEssentials

/// All that decides what a resumable job's results are, in the order in which a difference is told.
package struct JobIdentity: Codable, Sendable, Equatable {
    struct Setting: Codable, Sendable, Equatable {
        let name: String
        /// Nil where the setting was not given.
        let value: String?
        /// Whether the value is a hash, which says nothing to anyone.
        var isHash = false
    }

    private(set) var settings: [Setting] = []

    package init() {}

    /// Adds an option as it was given.
    package mutating func add(_ name: String, _ value: (some Any)?) {
        settings.append(Setting(name: name, value: value.map { "\($0)" }))
    }

    /// Adds what is read from files: what they hold counts, not what they are called.
    ///
    /// - Throws: `VitvideoError` where a file cannot be read.
    package mutating func add(_ name: String, contentOf paths: [String]) throws {
        let hashes = try paths.map { try ContentHash.sha256(ofFile: $0) }
        try add(
            name, hash: hashes.count == 1 ? hashes[0] : ContentHash.sha256(of: Data(hashes.joined().utf8)))
    }

    /// Adds what is known by its hash.
    package mutating func add(_ name: String, hash: String) throws {
        settings.append(Setting(name: name, value: hash, isHash: true))
    }

    /// What segments are labeled with, and records of a batch.
    package var hash: String {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = .sortedKeys
            return try ContentHash.sha256(of: try encoder.encode(self))
        }
    }

    /// What is said to whoever goes on with a job under other settings: of the first that differs.
    ///
    /// - Parameter kept: the identity that the job was begun with.
    /// - Returns: nil where nothing differs.
    func difference(from kept: JobIdentity) -> (kind: VitvideoError.Kind, text: String)? {
        for place in 0..<max(settings.count, kept.settings.count) {
            let now = place < settings.count ? settings[place] : nil
            let then = place < kept.settings.count ? kept.settings[place] : nil
            if now == then { continue }
            guard let now, let then, now.name == then.name else {
                let name = (now ?? then)?.name ?? ""
                return (.usage, "\(name) is given on one side alone")
            }
            if now.isHash { return (.badData, "\(now.name) is no longer the same") }
            return (
                .usage,
                "\(now.name) was \(then.value ?? "not given") and is \(now.value ?? "not given")"
            )
        }
        return nil
    }
}
