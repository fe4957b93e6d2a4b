import Base
import Glibc

/// Files that travel with the program where it is packed with every library it needs, as in the Python wheel:
/// `share/vitvideo` beside the program's `bin`. Other ways of installation have no such directory.
package enum BundledFiles {
    private static let directory = FileSystem.realpath("/proc/self/exe").flatMap(directory(ofProgram:))

    /// `/a/share/vitvideo` for the program `/a/bin/vitvideo`.
    package static func directory(ofProgram path: String) -> String? {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        return parts.count > 2 ? (parts.dropLast(2) + ["share", "vitvideo"]).joined(separator: "/") : nil
    }

    /// Lets Fontconfig find the font, unless the environment names a configuration. Called first in `main`:
    /// Fontconfig reads the variable when the first text is drawn, and `setenv` wants a process of one thread.
    package static func prepareProcess() {
        guard let file = path("fonts.conf"), getenv("FONTCONFIG_PATH") == nil else { return }
        _ = file.withPath { setenv("FONTCONFIG_FILE", $0, 0) }
    }

    /// The certificates to trust, where libcurl has no such file at its own place, which is Debian's: those of
    /// another distribution, which may know of a company's, else those that travel with the program.
    package static let certificates: String? = {
        let system = [
            "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
            "/etc/ssl/ca-bundle.pem",
        ]
        guard let bundled = path("certificates.pem"), !FileSystem.exists(system[0]) else { return nil }
        return system.first(where: FileSystem.exists) ?? bundled
    }()

    private static func path(_ name: String) -> String? {
        guard let path = directory.map({ "\($0)/\(name)" }), FileSystem.exists(path) else { return nil }
        return path
    }
}
