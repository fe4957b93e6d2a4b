import Foundation

/// Files the tests compare against, and where the test media lie.
public enum Fixtures {
    /// A golden made by `make_goldens.py`.
    public static func golden(_ name: String) -> URL {
        Bundle.module.resourceURL!.appendingPathComponent("goldens/\(name)")
    }
}
