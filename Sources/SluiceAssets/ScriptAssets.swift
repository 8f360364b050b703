/// Lua scripts as bytes. No logic: SluiceBroker runs them.
package enum ScriptAssets {
    package static let offer = PackageResources.offer_lua
    package static let fetch = PackageResources.fetch_lua
    package static let handBack = PackageResources.hand_back_lua
    package static let acknowledge = PackageResources.acknowledge_lua
    package static let reclaim = PackageResources.reclaim_lua
}
